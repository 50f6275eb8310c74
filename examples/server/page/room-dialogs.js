// Making a conversation, finding public rooms, adding people.

import { openDialog } from './dialog.js';
import { avatar, h, icon, toast } from './dom.js';
import { peoplePicker } from './people-picker.js';

const KINDS = [
  ['direct', 'person', 'Direct', 'Between you and one other person.'],
  ['group', 'people', 'Group', 'For the people you add.'],
  ['public', 'hash', 'Public', 'Anybody can find it and join.'],
];

const failed = (error) => toast(error.message, 'error');

/** @param {import('./store.js').Store} store @param {(room: number) => void} open */
export function newRoomDialog(store, open) {
  let kind = 'direct';
  let dialog;
  const hint = h('p', { class: 'hint' });
  const name = h('input', { type: 'text', maxlength: 255, autocomplete: 'off', dataset: { testid: 'new-room-name' } });
  const nameField = h('label', { class: 'field' }, h('span', { text: 'Name' }), name);
  const people = h('span', { class: 'label', text: 'Members' });
  const create = h('button', { type: 'button', class: 'button primary', dataset: { testid: 'new-room-create' }, text: 'Start' });
  const picker = peoplePicker({ store, one: true, changed: () => check() });
  const segments = h('div', { class: 'segments', role: 'radiogroup', 'aria-label': 'Kind of conversation' }, ...KINDS.map(([value, shape, label]) => h('label', {},
    h('input', { type: 'radio', name: 'kind', value, checked: value === kind, dataset: { testid: `new-room-kind-${value}` }, on: { change: () => choose(value) } }), icon(shape), label)));

  function check() {
    create.disabled = kind === 'direct' ? picker.chosen().length !== 1 : name.value.trim() === '';
  }

  function choose(value) {
    kind = value;
    hint.textContent = KINDS.find(([each]) => each === kind)[3];
    nameField.hidden = kind === 'direct';
    people.hidden = kind === 'direct';
    create.textContent = kind === 'direct' ? 'Start' : 'Create';
    picker.one(kind === 'direct');
    check();
    (kind === 'direct' ? picker : name).focus();
  }

  async function submit() {
    if (create.disabled) return;
    create.disabled = true;
    try {
      const id = await store.create({ kind, members: picker.chosen(), ...(kind === 'direct' ? {} : { name: name.value.trim() }) });
      dialog.close();
      open(id);
    } catch (error) {
      failed(error);
      create.disabled = false;
    }
  }

  name.addEventListener('input', check);
  name.addEventListener('keydown', (event) => event.key === 'Enter' && submit());
  create.addEventListener('click', submit);
  dialog = openDialog({ title: 'New conversation', testid: 'new-room-dialog', body: [segments, hint, nameField, people, picker.element], foot: [create] });
  choose(kind);
}

/** @param {import('./store.js').Store} store @param {(room: number) => void} open */
export function browseDialog(store, open) {
  let timer;
  const input = h('input', { type: 'search', placeholder: 'Search public rooms', 'aria-label': 'Search public rooms', autocomplete: 'off', dataset: { testid: 'browse-search' } });
  const list = h('div', { class: 'found', dataset: { testid: 'browse-found' } });
  const dialog = openDialog({ title: 'Public rooms', testid: 'browse-dialog', body: [input, list] });

  async function enter(room, button) {
    button.disabled = true;
    try {
      if (!store.rooms.has(room.id)) await store.join(room.id);
      dialog.close();
      open(room.id);
    } catch (error) {
      failed(error);
      button.disabled = false;
    }
  }

  function row(room) {
    const inside = store.rooms.has(room.id);
    const members = room.member_count === undefined ? '' : `${room.member_count} member${room.member_count === 1 ? '' : 's'}`;
    const button = h('button', { type: 'button', class: `button small${inside ? '' : ' primary'}`, dataset: { testid: 'join', room: room.id }, 'aria-label': `${inside ? 'Open' : 'Join'} ${room.name}`, text: inside ? 'Open' : 'Join', on: { click: () => enter(room, button) } });
    return h('div', { class: 'found-row', dataset: { testid: 'public-room', name: room.name } },
      avatar({ name: room.name ?? '', seed: `room ${room.id}`, room: 'public' }), h('span', { class: 'name' }, room.name || 'Unnamed room', h('small', { text: members })), button);
  }

  async function search() {
    const text = input.value.trim();
    try {
      const { rooms } = await store.client.rest.rooms({ public: text });
      if (text !== input.value.trim()) return;
      list.replaceChildren(...(rooms.length > 0 ? rooms.map(row) : [h('p', { class: 'found-empty', text: text ? 'No public room of that name.' : 'There are no other public rooms yet.' })]));
    } catch (error) {
      failed(error);
    }
  }

  input.addEventListener('input', () => {
    clearTimeout(timer);
    timer = setTimeout(search, 150);
  });
  search();
  input.focus();
}

/** @param {import('./store.js').Store} store @param {import('./room-state.js').RoomState} room */
export function addPeopleDialog(store, room) {
  let dialog;
  const add = h('button', { type: 'button', class: 'button primary', disabled: true, dataset: { testid: 'add-members-submit' }, text: 'Add' });
  const picker = peoplePicker({ store, without: new Set(room.members?.keys()), changed: (ids) => { add.disabled = ids.length === 0; } });
  add.addEventListener('click', async () => {
    add.disabled = true;
    try {
      await store.addMembers(room.id, picker.chosen());
      dialog.close();
    } catch (error) {
      failed(error);
      add.disabled = false;
    }
  });
  dialog = openDialog({ title: 'Add people', testid: 'add-members-dialog', body: [picker.element], foot: [add] });
  picker.focus();
}
