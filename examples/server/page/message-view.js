// One message: what it shows, and the elements that show it.

import { buildFiles, filesText, namesOf } from './attachments.js';
import { avatar, h, hue, icon, iconButton } from './dom.js';
import { HIDDEN, isHidden, wordsOf } from './message-words.js';
import { progressOf, statusMark } from './status.js';
import { isBig, renderText } from './text.js';
import { timeOfDay, wholeTime } from './time.js';

const GROUP_WITHIN = 5 * 60_000;

/** Whether two neighbours are shown as one group. */
export function sameGroup(a, b) {
  return a && b && a.sender === b.sender && a.kind !== 'system' && b.kind !== 'system' && Math.abs(new Date(b.at) - new Date(a.at)) < GROUP_WITHIN;
}

const shorten = (text) => (text.length > 160 ? `${text.slice(0, 160)}…` : text);

/**
 * Everything that the elements of a message depend on, as plain data: equal data, equal elements.
 * @param {import('./store.js').Store} store
 * @param {import('./room-state.js').RoomState} room
 * @param {object} message  a held message, or an own one without an answer
 * @param {{first: boolean, last: boolean}} place  in its group
 */
export function describe(store, room, message, { first, last }) {
  const { people, me } = store;
  const own = message.sender === me;
  const pending = message.seq === undefined;
  const quoted = message.reply_to && !message.deleted ? store.history.quoted(room, message.reply_to) : null;
  return {
    seq: message.seq ?? null,
    clientId: pending ? message.client_id : null,
    own,
    first,
    last,
    sender: message.sender,
    name: own ? 'You' : people.name(message.sender),
    named: !own && first && room.kind !== 'direct',
    faced: !own && room.kind !== 'direct',
    at: message.at,
    deleted: message.deleted === true,
    blocked: isHidden(store, message),
    text: message.deleted ? '' : message.content ?? '',
    files: message.deleted ? [] : (message.attachments ?? []).map(({ id, name, size, content_type, kind, width, height }) => ({ id, name, size, content_type, kind, width, height, url: store.client.rest.attachmentUrl(id) })),
    edited: message.edited_at ?? null,
    mentions: (message.mentions ?? []).map((id) => ({ id, handle: people.handle(id), me: id === me })),
    quote: message.reply_to && !message.deleted ? quoteOf(store, message.reply_to, quoted) : null,
    reactions: message.reactions ?? [],
    status: own && !message.deleted ? progressOf(room, message) : null,
    failure: message.state === 'failed' ? message.error?.message ?? 'refused' : null,
    canEdit: own && !pending && !message.deleted,
    canReport: !own && !pending && !message.deleted && message.sender !== null,
    canDelete: !pending && !message.deleted && (own || room.canManage()),
  };
}

function quoteOf(store, seq, quoted) {
  const { people, me } = store;
  if (!quoted) return { seq, name: '', sender: '', text: '…' };
  return {
    seq,
    sender: quoted.sender,
    name: quoted.sender === me ? 'You' : people.name(quoted.sender),
    text: shorten(wordsOf(store, quoted)),
  };
}

const tinted = (element, seed) => {
  element.style.setProperty('--hue', hue(seed));
  return element;
};

/**
 * @param {ReturnType<typeof describe>} m
 * @param {boolean} isNew
 * @param {HTMLElement} [before]  what showed the message until now
 */
export function buildMessage(m, isNew, before) {
  const classes = ['message', m.own && 'own', m.first && 'first', m.last && 'last', isNew && 'enter', !m.own && m.mentions.some((mention) => mention.me) && 'mentioned'];
  const element = h('article', {
    class: classes.filter(Boolean).join(' '), tabindex: -1, 'aria-label': spoken(m), 'aria-roledescription': 'message',
    dataset: { testid: 'message', seq: m.seq, sender: m.sender, clientId: m.clientId, own: m.own || null, deleted: m.deleted || null },
  });
  if (m.faced) element.append(m.last ? avatar({ name: m.name, seed: m.sender }) : h('span', { class: 'gutter' }));
  element.append(h('div', { class: 'hold' }, bubble(m, before), m.seq !== null && !m.deleted && tools(m)));
  if (m.reactions.length > 0 && !m.deleted) element.append(h('div', { class: 'below reactions' }, ...m.reactions.map(reaction)));
  if (m.failure) element.append(failure(m));
  // As the message itself, until it is the one that Tab stops at.
  for (const link of element.querySelectorAll('a')) link.tabIndex = -1;
  return element;
}

function spoken(m) {
  const what = m.deleted ? 'Message deleted' : m.blocked ? HIDDEN : [m.text, filesText(m.files)].filter(Boolean).join(', ');
  return `${m.name}, ${timeOfDay(m.at)}: ${m.quote ? `in reply to ${m.quote.name || 'a message'}: ` : ''}${what}${m.edited && !m.deleted ? ', edited' : ''}${m.status ? `, ${m.status.state}` : ''}`;
}

/** The files' elements go over into the new message: what is playing plays on, what is loaded is not loaded again. */
function files(m, before) {
  const held = before?.querySelector('.files');
  return held?.dataset.files === namesOf(m.files) ? held : buildFiles(m.files);
}

function bubble(m, before) {
  const isShown = m.files.length > 0 && !m.blocked;
  const body = h('div', { class: `bubble${isShown ? ' with-files' : ''}` });
  if (m.named) body.append(tinted(h('span', { class: 'sender', dataset: { testid: 'message-sender' }, text: m.name }), m.sender));
  if (m.quote) {
    body.append(tinted(h('button', { type: 'button', class: 'quote', tabindex: -1, 'aria-label': `Go to the message by ${m.quote.name}`, dataset: { testid: 'quote', act: 'quote', target: m.quote.seq } },
      h('b', { text: m.quote.name || 'Earlier message' }), h('span', { text: m.quote.text })), m.quote.sender));
  }
  if (m.deleted) body.append(h('span', { class: 'tombstone', dataset: { testid: 'tombstone' } }, icon('trash'), 'Message deleted'));
  else if (m.blocked) body.append(h('span', { class: 'tombstone', text: HIDDEN }));
  else {
    if (isShown) body.append(files(m, before));
    const text = h('span', { class: `text${isBig(m.text) ? ' big' : ''}`, dir: 'auto', dataset: { testid: 'message-text' } });
    text.append(renderText(m.text, m.mentions));
    if (m.text || !isShown) body.append(text);
  }
  body.append(h('span', { class: 'meta' },
    m.edited && !m.deleted && h('span', { dataset: { testid: 'edited' }, title: wholeTime(m.edited), text: 'edited' }),
    h('time', { datetime: m.at, title: wholeTime(m.at), text: timeOfDay(m.at) }),
    m.status && statusMark(m.status, { dataset: { testid: 'message-status' } })));
  return body;
}

function reaction({ emoji, count, mine }) {
  return h('button', {
    type: 'button', class: 'reaction', tabindex: -1, 'aria-pressed': String(mine), 'aria-label': `${emoji}, ${count}${mine ? ', yours' : ''}`,
    dataset: { testid: 'reaction', act: 'react', emoji, count },
  }, h('span', { text: emoji }), h('b', { text: count }));
}

function failure(m) {
  return h('div', { class: 'below failure', dataset: { testid: 'message-failure' } },
    h('span', { text: `Not sent: ${m.failure}` }),
    h('button', { type: 'button', class: 'link', dataset: { testid: 'retry', act: 'retry' }, text: 'Try again' }),
    h('button', { type: 'button', class: 'link', dataset: { testid: 'discard', act: 'discard' }, text: 'Discard' }));
}

function tools(m) {
  const tool = (name, label, act) => iconButton(name, label, { class: act === 'delete' ? 'danger' : '', tabindex: -1, dataset: { testid: act, act } });
  return h('div', { class: 'tools', role: 'toolbar', 'aria-label': 'Message actions' },
    iconButton('smile', 'React', { tabindex: -1, 'aria-haspopup': 'dialog', dataset: { testid: 'react', act: 'pick' } }),
    tool('reply', 'Reply', 'reply'),
    m.canEdit && tool('edit', 'Edit', 'edit'),
    m.canReport && tool('flag', 'Report', 'report'),
    m.canDelete && tool('trash', 'Delete', 'delete'));
}
