// The panel beside a conversation: who is in it, and what one may do about that.

import { confirm } from './dialog.js';
import { $, avatar, h, icon, iconButton, oncePerFrame, toast } from './dom.js';
import { reportsDialog } from './reports-dialog.js';
import { addPeopleDialog } from './room-dialogs.js';
import { lastSeen } from './time.js';

const RANK = { owner: 3, moderator: 2, member: 1 };
const ROLE = { owner: 'Owner', moderator: 'Moderator', member: 'Member' };
/** Where it covers the page. */
const COVERS = '(max-width: 760px)';
const failed = (error) => toast(error.message, 'error');

export class Panel {
  /** @param {import('./store.js').Store} store @param {{write: (user: string) => void, show: (message: {room_id: number, seq: number}) => void, closed: () => void}} actions @param {AbortSignal} signal */
  constructor(store, actions, signal) {
    this.store = store;
    this.actions = actions;
    this.element = $('panel');
    this.room = null;
    this.renaming = false;
    this.render = oncePerFrame(() => this.draw());
    this.element.addEventListener('keydown', (event) => {
      if (event.key !== 'Escape') return;
      event.stopPropagation();
      if (this.renaming) this.#rename(false);
      else this.close();
    }, { signal });
    addEventListener('popstate', () => this.isOpen && !history.state?.panel && this.covers && this.#hide(), { signal });
  }

  get isOpen() {
    return !this.element.hidden;
  }

  toggle(room) {
    if (this.isOpen) this.close();
    else this.open(room);
  }

  open(room) {
    this.room = room;
    this.sig = null;
    this.element.hidden = false;
    // What covers the page is gone from by Back.
    this.covers = matchMedia(COVERS).matches;
    if (this.covers && !history.state?.panel) history.pushState({ ...history.state, panel: true }, '');
    $('open-members').setAttribute('aria-expanded', 'true');
    this.draw();
    this.element.querySelector('[data-testid="panel-close"]').focus({ preventScroll: true });
  }

  /** @returns {Promise<void>} when it is out of the browser's history, too */
  close() {
    this.#hide();
    if (!history.state?.panel) return Promise.resolve();
    this.leaving ??= new Promise((resolve) => {
      addEventListener('popstate', () => {
        this.leaving = null;
        resolve();
      }, { once: true });
      history.back();
    });
    return this.leaving;
  }

  #hide() {
    if (!this.isOpen) return;
    this.element.hidden = true;
    this.renaming = false;
    $('open-members').setAttribute('aria-expanded', 'false');
    this.actions.closed();
  }

  /** @param {import('./room-state.js').RoomState|null} room  the one that is open now */
  follow(room) {
    if (!this.isOpen || room === this.room) return;
    if (!room) return this.close();
    this.room = room;
    this.renaming = false;
    this.draw();
  }

  #rename(yes) {
    this.renaming = yes;
    this.draw();
    this.element.querySelector(yes ? '[data-testid="rename-input"]' : '[data-testid="rename-room"]')?.focus();
  }

  #members() {
    const { people, me } = this.store;
    return [...(this.room.members?.values() ?? [])].map(({ user, role }) => {
      const presence = user === me ? 'online' : people.status(user);
      return { id: user, role, name: people.name(user), presence, seen: presence === 'offline' ? lastSeen(people.lastSeen(user)) : presence };
    }).sort((a, b) => (RANK[b.role] ?? 0) - (RANK[a.role] ?? 0) || a.name.localeCompare(b.name));
  }

  draw() {
    const { room, store } = this;
    if (!room || !this.isOpen) return;
    const members = this.#members();
    const title = store.title(room);
    const blocked = store.blocked.has(room.peer);
    const sig = JSON.stringify([room.id, title, room.role, members, blocked, this.renaming, room.size]);
    if (sig === this.sig) return;
    // A field that is being filled in is not taken away from under the hands.
    const typing = this.renaming ? this.element.querySelector('[data-testid="rename-input"]')?.value : undefined;
    const active = document.activeElement;
    const focus = this.element.contains(active) ? { testid: active.dataset.testid, user: active.closest('[data-user]')?.dataset.user } : null;
    const top = this.element.querySelector('.panel-body')?.scrollTop ?? 0;
    this.sig = sig;
    const body = room.kind === 'direct' ? this.#direct(title, blocked) : this.#shared(title, members, typing);
    this.element.replaceChildren(
      h('header', { class: 'bar' }, h('h2', { text: room.kind === 'direct' ? 'Details' : 'Members' }), iconButton('close', 'Close', { dataset: { testid: 'panel-close' }, on: { click: () => this.close() } })),
      h('div', { class: 'panel-body' }, ...body));
    this.element.querySelector('.panel-body').scrollTop = top;
    if (!focus) return;
    const same = [...this.element.querySelectorAll(`[data-testid="${focus.testid}"]`)].find((each) => each.closest('[data-user]')?.dataset.user === focus.user);
    same?.focus({ preventScroll: true });
  }

  #direct(title, blocked) {
    const { people } = this.store;
    const { peer } = this.room;
    const status = people.status(peer);
    const profile = people.get(peer);
    return [
      h('div', { class: 'panel-top' }, avatar({ name: title, seed: peer, presence: status }), h('div', { class: 'panel-name', text: title }),
        profile.username && profile.username !== title && h('p', { text: `@${profile.username}` }),
        h('p', { text: status === 'offline' ? lastSeen(people.lastSeen(peer)) : status })),
      h('div', { class: 'panel-actions' }, h('button', {
        type: 'button', class: `button${blocked ? '' : ' danger'}`, dataset: { testid: blocked ? 'unblock' : 'block' }, text: blocked ? `Unblock ${title}` : `Block ${title}`,
        on: { click: () => this.#block(peer, title, !blocked) },
      })),
    ];
  }

  async #block(user, name, yes) {
    if (yes && !(await confirm({ title: `Block ${name}?`, text: 'They can no longer write to you directly or add you to a group.', action: 'Block' }))) return;
    await this.store.block(user, yes).catch(failed);
    this.draw();
  }

  #shared(title, members, typing) {
    const { room, store } = this;
    const manages = room.canManage();
    const count = room.size ?? members.length;
    const name = this.renaming ? this.#renameForm(typing ?? title)
      : h('div', { class: 'panel-name' }, title, manages && iconButton('edit', 'Rename', { class: 'small', dataset: { testid: 'rename-room' }, on: { click: () => this.#rename(true) } }));
    const reports = manages && h('button', { type: 'button', class: 'button', dataset: { testid: 'open-reports' }, on: { click: () => reportsDialog(store, room, this.actions.show) } }, icon('flag'), 'Reports');
    const leave = h('button', { type: 'button', class: 'button danger', dataset: { testid: 'leave-room' }, on: { click: () => this.#leave(title) } }, icon('leave'), 'Leave');
    const remove = room.role === 'owner' && h('button', { type: 'button', class: 'button danger', dataset: { testid: 'delete-room' }, on: { click: () => this.#delete(title) } }, icon('trash'), 'Delete for everybody');
    return [
      h('div', { class: 'panel-top' }, avatar({ name: title, seed: `room ${room.id}`, room: room.kind }), name, h('p', { text: `${room.kind === 'public' ? 'Public room' : 'Group'} · ${count} member${count === 1 ? '' : 's'}` })),
      h('div', { class: 'panel-section' }, h('span', { text: 'Members' }), manages && h('button', { type: 'button', class: 'link', dataset: { testid: 'add-member' }, text: 'Add people', on: { click: () => addPeopleDialog(store, room) } })),
      h('div', { role: 'list' }, ...members.map((member) => this.#member(member))),
      h('div', { class: 'panel-actions' }, reports, leave, remove),
    ];
  }

  #member({ id, role, name, presence, seen }) {
    const { room, store } = this;
    const me = id === store.me;
    const below = !me && (RANK[room.role] ?? 0) > (RANK[role] ?? 0) && room.canManage();
    const row = h('div', { class: 'member', role: 'listitem', dataset: { testid: 'member', user: id, role, presence } },
      avatar({ name, seed: id, presence }),
      h(me ? 'span' : 'button', { class: 'member-who', ...(me ? {} : { type: 'button', 'aria-label': `Write to ${name}, ${seen}`, title: `Write to ${name}`, dataset: { testid: 'write-to' }, on: { click: () => this.actions.write(id) } }) },
        h('b', { text: me ? `${name} (you)` : name }), h('small', { dataset: { presence }, text: seen })));
    if (below && room.role === 'owner') {
      const select = h('select', { 'aria-label': `Role of ${name}`, dataset: { testid: 'role-select' }, on: { change: () => store.setRole(room.id, id, select.value).catch((error) => {
        failed(error);
        this.sig = null;
        this.draw();
      }) } }, ...['member', 'moderator'].map((value) => h('option', { value, selected: value === role, text: ROLE[value] })));
      row.append(select);
    } else if (role !== 'member') row.append(h('span', { class: 'role', dataset: { testid: 'role' }, text: ROLE[role] ?? role }));
    if (below) row.append(iconButton('close', `Remove ${name}`, { class: 'small', dataset: { testid: 'remove-member' }, on: { click: () => this.#remove(id, name) } }));
    return row;
  }

  #renameForm(value) {
    const { room, store } = this;
    const input = h('input', { type: 'text', maxlength: 255, value, 'aria-label': 'Name', dataset: { testid: 'rename-input' } });
    const form = h('form', { class: 'rename' }, input, iconButton('check', 'Save', { type: 'submit', dataset: { testid: 'rename-save' } }));
    form.addEventListener('submit', async (event) => {
      event.preventDefault();
      const name = input.value.trim();
      if (name && name !== room.name) await store.rename(room.id, name).catch(failed);
      this.#rename(false);
    });
    return form;
  }

  async #remove(id, name) {
    if (!(await confirm({ title: `Remove ${name}?`, text: 'They will no longer see what is written here.', action: 'Remove' }))) return;
    await this.store.removeMember(this.room.id, id).catch(failed);
  }

  async #leave(title) {
    if (!(await confirm({ title: `Leave ${title}?`, text: this.room.kind === 'public' ? 'You can come back at any time.' : 'Somebody inside has to add you again.', action: 'Leave' }))) return;
    await this.store.leave(this.room.id).catch(failed);
  }

  async #delete(title) {
    if (!(await confirm({ title: `Delete ${title}?`, text: 'The room and all its messages go, for everybody. This cannot be undone.', action: 'Delete' }))) return;
    await this.store.deleteRoom(this.room.id).catch(failed);
  }
}
