// The part of a conversation that the page has: no gaps, in order, and what is being sent after it.

const RANK = { sending: -1, queued: 0, failed: 1, sent: 1, delivered: 2, read: 3, received: 3 };
let pendingNumber = 0;

export class History {
  messages = [];
  pending = []; // ours, not stored yet as far as the page knows
  complete = false; // the first message of all is here
  loading = false;
  loaded = false;
  failed = false;

  get oldest() {
    return this.messages[0]?.position ?? null;
  }

  /** Add what an answer brought. */
  merge(found) {
    const byId = new Map(this.messages.map((message) => [message.id, message]));
    for (const message of found) {
      const known = byId.get(message.id);
      // an answer that was on its way may be older than a push that overtook it
      if (known && stale(known, message)) continue;
      if (known?.shownAs) message.shownAs ??= known.shownAs;
      byId.set(message.id, message);
    }
    this.messages = [...byId.values()].sort((a, b) => a.position - b.position);
  }

  /** Add the newest page; when it does not reach what is here, what is here would leave a gap. */
  renew(found, pageSize) {
    const newest = this.messages.at(-1)?.position ?? -1;
    if (found.length === pageSize && found[0].position > newest) {
      this.messages = [];
      this.complete = false;
    }
    if (found.length < pageSize) this.complete = true;
    this.loaded = true;
    this.merge(found);
  }

  /** Add a pushed message, unless it is older than what is here: it will come with its neighbours. */
  push(message) {
    if (!this.loaded || (!this.complete && this.oldest !== null && message.position < this.oldest)) return;
    // it may be one that is being sent, when the push overtakes the answer
    const pending = this.pending.find((each) => !each.storedAs && stands(message, each));
    if (pending !== undefined) this.adopt(pending, message);
    this.merge([message]);
  }

  /** A message of ours that is shown while it is being stored. */
  begin(values) {
    const pending = {
      ...values, id: `pending-${++pendingNumber}`, at: Date.now() * 1000, position: Infinity,
      state: "sending", outgoing: true, reason: "", known: new Set(this.messages.map((each) => each.id)),
    };
    this.pending.push(pending);
    return pending;
  }

  end(pending) {
    this.pending.splice(this.pending.indexOf(pending), 1);
  }

  /** From now on `message` is shown in the place of `pending`. */
  adopt(pending, message) {
    for (const other of this.messages) {
      if (other.shownAs === pending.id && other.id !== message.id) delete other.shownAs; // it was a twin's
    }
    message.shownAs = pending.id;
    pending.storedAs = message.id;
  }

  /** Whether `pending` was stored although its answer was lost; what it became is then shown. */
  settle(pending) {
    const mine = pending.storedAs ? null : this.messages.find((message) => stands(message, pending));
    if (mine) this.adopt(pending, mine);
    return mine !== undefined;
  }
}

/** Whether a stored message can be what a pending one has become. */
function stands(message, pending) {
  return message.outgoing && !message.shownAs && !pending.known.has(message.id)
    && message.kind === pending.kind && message.body === pending.body;
}

function stale(known, message) {
  if (known.state === "failed") return false; // sent again by hand: from failed back to queued
  return RANK[message.state] < RANK[known.state];
}
