// Feeds that contributed pages listen to. They go on by themselves when the line or the plugin is back.
import { Fault } from "./socket.js";
import { store } from "./store.js";

const TOGETHER = 16; // values after which Python is told that they were taken; it sends 32 ahead

let last = 0;
const open = new Map(); // number -> feed
const waiting = new Set(); // feeds whose plugin is away

/**
 * Call `callback` with every value of a feed; the result ends that. `started` is called whenever it
 * begins, the first time too: values may then come again from the first one. `ended` is called with
 * null when there are no more, and with a fault when it failed for good.
 */
export function listen(name, params, callback, { started = () => {}, ended = () => {} } = {}) {
  const feed = { name, params, callback, started, ended, number: 0, taken: 0 };
  if (store.line === "open") begin(feed);
  else waiting.add(feed);
  return () => {
    waiting.delete(feed);
    if (open.delete(feed.number)) store.ask("page.unlisten", { feed: feed.number }).catch(() => {});
  };
}

function begin(feed) {
  waiting.delete(feed);
  feed.number = ++last;
  feed.taken = 0;
  open.set(feed.number, feed);
  feed.started();
  store.ask("page.listen", { feed: feed.number, name: feed.name, params: feed.params })
    .catch((fault) => end(feed, fault));
}

function end(feed, fault) {
  if (!open.delete(feed.number)) return;
  if (fault?.code === "closed" || fault?.code === "missing") waiting.add(feed);
  else feed.ended(fault);
}

store.hear("feed", ({ feed: number, value }) => {
  const feed = open.get(number);
  if (feed === undefined) return;
  try {
    feed.callback(value);
  } catch (error) {
    console.error("a listener of the feed", feed.name, "has a fault:", error);
  }
  feed.taken += 1;
  if (feed.taken % TOGETHER === 0) store.ask("page.took", { feed: number, count: TOGETHER }).catch(() => {});
});

store.hear("feed.end", ({ feed: number, error }) => {
  const feed = open.get(number);
  if (feed) end(feed, error && new Fault(error.code, error.text, error.key, error.values));
});

store.on("line", () => {
  if (store.line === "open") for (const feed of [...waiting]) begin(feed);
  else for (const feed of [...open.values()]) end(feed, new Fault("closed"));
});

store.on("contributions", () => {
  if (store.line !== "open") return;
  for (const feed of [...waiting]) if (store.contributions.feeds.includes(feed.name)) begin(feed);
});
