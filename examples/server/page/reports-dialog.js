// What was reported, for those who decide on it.

import { openDialog } from './dialog.js';
import { h, toast } from './dom.js';
import { listTime, wholeTime } from './time.js';

const STATUSES = [['pending', 'Open'], ['reviewed', 'Reviewed'], ['dismissed', 'Dismissed']];
const WORDS = { pending: 'Open', reviewed: 'Reviewed', dismissed: 'Dismissed' };

/**
 * @param {import('./store.js').Store} store
 * @param {import('./room-state.js').RoomState} room  the conversation to begin with
 * @param {(message: {room_id: number, seq: number}) => void} show
 */
export function reportsDialog(store, room, show) {
  const { people, me } = store;
  let status = 'pending';
  let next;
  let turn = 0;
  const name = (user) => (user === null ? 'The host' : user === me ? 'You' : people.name(user));
  const list = h('ul', { class: 'reports', dataset: { testid: 'reports' } });
  const said = h('p', { class: 'found-empty', role: 'status', dataset: { testid: 'reports-status' } });
  const more = h('button', { type: 'button', class: 'button small', dataset: { testid: 'reports-more' }, hidden: true, text: 'More', on: { click: () => load(true) } });
  const where = h('select', { 'aria-label': 'Conversations', dataset: { testid: 'reports-where' }, on: { change: () => load() } },
    h('option', { value: 'here', text: store.title(room) }), h('option', { value: 'all', text: 'All that I moderate' }));
  const tabs = h('div', { class: 'segments', role: 'radiogroup', 'aria-label': 'Which reports' }, ...STATUSES.map(([value, label]) => h('label', {},
    h('input', { type: 'radio', name: 'reports', value, checked: value === status, dataset: { testid: `reports-${value}` }, on: { change: () => {
      status = value;
      load();
    } } }), label)));

  async function load(onwards = false) {
    const asked = (turn += 1);
    more.disabled = true;
    try {
      const page = await store.client.rest.reports({ status, room_id: where.value === 'here' ? room.id : undefined, before: onwards ? next : undefined });
      if (asked !== turn) return;
      if (!onwards) list.replaceChildren();
      list.append(...page.reports.map(row));
      next = page.next;
      tell();
    } catch (error) {
      if (asked !== turn) return;
      said.textContent = error.message;
    }
    more.disabled = false;
    more.hidden = next === undefined;
  }

  function tell() {
    said.textContent = list.childElementCount > 0 || next !== undefined ? '' : status === 'pending' ? 'Nothing to decide on.' : 'None.';
  }

  async function decide(report, decision, element) {
    for (const button of element.querySelectorAll('button')) button.disabled = true;
    try {
      await store.client.rest.decideReport(report.id, decision);
      const neighbour = element.nextElementSibling ?? element.previousElementSibling;
      element.remove();
      tell();
      (neighbour?.querySelector('button') ?? tabs.querySelector(':checked')).focus();
      toast(decision === 'reviewed' ? 'Marked as reviewed.' : 'Dismissed.');
    } catch (error) {
      toast(error.message, 'error');
      for (const button of element.querySelectorAll('button')) button.disabled = false;
    }
  }

  function row(report) {
    const there = store.rooms.get(report.room_id);
    const decision = (value, label) => report.status !== value && h('button', { type: 'button', class: 'button small', dataset: { testid: `report-${value}` }, text: label, on: { click: () => decide(report, value, element) } });
    const element = h('li', { class: 'report', dataset: { testid: 'report-item', report: report.id, status: report.status } },
      h('span', { class: 'room-top' }, h('span', { class: 'room-name', text: there ? store.title(there) : 'A conversation' }), h('time', { class: 'room-time', datetime: report.created_at, title: wholeTime(report.created_at), text: listTime(report.created_at) })),
      h('blockquote', { class: 'reported' }, h('b', { text: name(report.sender) }), h('span', { dir: 'auto', dataset: { testid: 'report-content' }, text: report.content || 'Files without a word' })),
      h('p', {}, h('b', { text: `${name(report.reporter)}: ` }), h('span', { dir: 'auto', dataset: { testid: 'report-words' }, text: report.reason })),
      report.decided_by !== undefined && h('p', { class: 'hint', text: `${WORDS[report.status]} by ${name(report.decided_by)}, ${wholeTime(report.decided_at)}` }),
      h('div', { class: 'report-foot' },
        there && h('button', { type: 'button', class: 'link', dataset: { testid: 'report-show' }, text: 'Show message', on: { click: () => {
          dialog.close();
          show(report);
        } } }),
        decision('dismissed', 'Dismiss'),
        decision('reviewed', 'Mark reviewed')));
    return element;
  }

  const dialog = openDialog({ title: 'Reports', testid: 'reports-dialog', body: [where, tabs, list, said, more] });
  load();
  tabs.querySelector(':checked').focus();
}
