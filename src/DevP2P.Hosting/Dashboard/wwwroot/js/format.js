// Values as text. All numbers in a column have one form, so that they stand under one another.

const units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];
const whole = new Intl.NumberFormat("en-US");
const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit", hour12: false });
const dateAndTime = new Intl.DateTimeFormat(undefined, { dateStyle: "short", timeStyle: "medium", hour12: false });

/** 12345 → "12,345". */
export const count = (n) => (Number.isFinite(n) ? whole.format(n) : "–");

/** 1536 → "1.5 KiB". */
export function bytes(n) {
  if (!Number.isFinite(n)) return "–";
  let unit = 0;
  while (n >= 1023.95 && unit < units.length - 1) {
    n /= 1024;
    unit++;
  }
  return `${unit === 0 ? Math.round(n) : n.toFixed(1)} ${units[unit]}`;
}

/** Bytes in a second. */
export const rate = (n) => (Number.isFinite(n) ? `${bytes(n)}/s` : "–");

/** Seconds as "42s", "5m 03s", "3h 07m", "12d 4h". */
export function duration(seconds) {
  if (!Number.isFinite(seconds)) return "–";
  const s = Math.max(0, Math.floor(seconds));
  const two = (n) => String(n).padStart(2, "0");
  if (s < 60) return `${s}s`;
  if (s < 3600) return `${Math.floor(s / 60)}m ${two(s % 60)}s`;
  if (s < 86400) return `${Math.floor(s / 3600)}h ${two(Math.floor((s % 3600) / 60))}m`;
  return `${Math.floor(s / 86400)}d ${Math.floor((s % 86400) / 3600)}h`;
}

/** Milliseconds as "12 ms" or "3.4 s". */
export const milliseconds = (ms) => (!Number.isFinite(ms) ? "–" : ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`);

/** The time of day of an ISO time or a number. */
export function time(at) {
  const date = new Date(at);
  return Number.isNaN(date.getTime()) ? "–" : clock.format(date);
}

/** Date and time. */
export function when(at) {
  const date = new Date(at);
  return Number.isNaN(date.getTime()) ? "–" : dateAndTime.format(date);
}

/** The ends of a node id. */
export const shortId = (id) => (typeof id === "string" && id.length > 14 ? `${id.slice(0, 8)}…${id.slice(-4)}` : String(id ?? ""));

/**
 * Text that somebody else wrote: characters that are not seen, or that turn round what stands after them, are shown as such, and its
 * length is bounded.
 */
export function foreign(text, max = 120) {
  if (text === null || text === undefined) return "";
  const shown = String(text).slice(0, max + 1).replace(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu, "\uFFFD");
  return shown.length > max ? `${shown.slice(0, max)}…` : shown;
}

/** A score with its sign. */
export const score = (n) => (Number.isFinite(n) ? (n > 0 ? "+" : n < 0 ? "−" : "") + Math.abs(n).toFixed(1) : "–");
