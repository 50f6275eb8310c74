// Tries to use the server from an origin that it does not allow, and tells the page around it how that went.

const settings = new URLSearchParams(location.search);
const [url, socket, token] = ['url', 'socket', 'token'].map((name) => settings.get(name));

async function fetched(options) {
  try {
    return (await fetch(url, options)).status;
  } catch {
    return 'failed';
  }
}

function connected() {
  return new Promise((resolve) => {
    const opened = new WebSocket(socket);
    opened.onopen = () => resolve('opened');
    opened.onclose = ({ code }) => resolve(code);
  });
}

parent.postMessage(
  {
    simple: await fetched({ credentials: 'include' }),
    preflighted: await fetched({ headers: { Authorization: `Bearer ${token}` } }),
    socket: await connected(),
  },
  '*',
);
