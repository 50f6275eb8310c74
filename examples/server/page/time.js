// Times as people say them, in the browser's own language.

const clock = new Intl.DateTimeFormat(undefined, { hour: 'numeric', minute: '2-digit' });
const weekday = new Intl.DateTimeFormat(undefined, { weekday: 'long' });
const shortWeekday = new Intl.DateTimeFormat(undefined, { weekday: 'short' });
const dayMonth = new Intl.DateTimeFormat(undefined, { day: 'numeric', month: 'long' });
const dayMonthYear = new Intl.DateTimeFormat(undefined, { day: 'numeric', month: 'long', year: 'numeric' });
const shortDate = new Intl.DateTimeFormat(undefined, { day: '2-digit', month: '2-digit', year: '2-digit' });
const full = new Intl.DateTimeFormat(undefined, { dateStyle: 'full', timeStyle: 'medium' });

/** Whole days between two moments by the calendar. */
export function daysBetween(earlier, later) {
  const midnight = (date) => Date.UTC(date.getFullYear(), date.getMonth(), date.getDate());
  return Math.round((midnight(later) - midnight(earlier)) / 86_400_000);
}

/** 14:05, or 2:05 PM */
export const timeOfDay = (at) => clock.format(new Date(at));

/** Everything, for a tooltip. */
export const wholeTime = (at) => full.format(new Date(at));

/** The head of a day in a conversation. */
export function dayLabel(at, now = new Date()) {
  const date = new Date(at);
  const days = daysBetween(date, now);
  if (days === 0) return 'Today';
  if (days === 1) return 'Yesterday';
  if (days > 1 && days < 7) return weekday.format(date);
  return (date.getFullYear() === now.getFullYear() ? dayMonth : dayMonthYear).format(date);
}

/** The time beside a room. */
export function listTime(at, now = new Date()) {
  if (!at) return '';
  const date = new Date(at);
  const days = daysBetween(date, now);
  if (days <= 0) return clock.format(date);
  if (days === 1) return 'Yesterday';
  return days < 7 ? shortWeekday.format(date) : shortDate.format(date);
}

/** "last seen 5 minutes ago" */
export function lastSeen(at, now = new Date()) {
  if (!at) return 'offline';
  const minutes = Math.floor((now - new Date(at)) / 60_000);
  if (minutes < 1) return 'last seen just now';
  if (minutes < 60) return `last seen ${minutes} minute${minutes === 1 ? '' : 's'} ago`;
  const days = daysBetween(new Date(at), now);
  if (days === 0) return `last seen today at ${timeOfDay(at)}`;
  if (days === 1) return `last seen yesterday at ${timeOfDay(at)}`;
  return `last seen ${dayLabel(at, now)}`;
}
