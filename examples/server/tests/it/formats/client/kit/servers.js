// The servers, by turns: where there are two, every call and every connection goes to the other one.

const settings = new URLSearchParams(location.search);
const servers = settings.getAll('server');
let turn = 0;

export function anyServer() {
  turn += 1;
  return servers[turn % servers.length];
}

export const secret = settings.get('secret');
