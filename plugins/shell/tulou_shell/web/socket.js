// The page's line to Python: requests with answers, and pushes. Comes back by itself.

const FIRST_DELAY = 300;
const LONGEST_DELAY = 5_000;
const PATIENCE = 60_000; // ms a request may take; sign-in talks to a far server

/** An answer that says no; `code` is a key of texts (error.*), `message` a sentence of Python's. */
export class Fault extends Error {
  constructor(code, text, key = "", values = {}) {
    super(text || code);
    this.code = code;
    this.key = key; // of the sentence among the contributed texts
    this.values = values;
  }
}

/** One line. Events: `open`, `closed`, `refused` (no session any more), `push` (detail: name, data). */
export class Line extends EventTarget {
  #socket = null;
  #waiting = new Map();
  #next = 1;
  #delay = FIRST_DELAY;
  #timer = 0;

  get open() {
    return this.#socket?.readyState === WebSocket.OPEN;
  }

  /** Connect now, and again whenever the connection is lost. */
  connect() {
    clearTimeout(this.#timer);
    const socket = (this.#socket = new WebSocket(`ws://${location.host}/socket`));
    socket.onopen = () => {
      this.#delay = FIRST_DELAY;
      this.dispatchEvent(new Event("open"));
    };
    socket.onmessage = (event) => this.#receive(event.data);
    socket.onclose = () => {
      this.#lost();
      this.#timer = setTimeout(() => this.#again(), this.#delay * (0.5 + Math.random() / 2));
      this.#delay = Math.min(LONGEST_DELAY, this.#delay * 2);
    };
  }

  /** Do not wait for the next attempt. */
  hurry() {
    if (this.#socket?.readyState === WebSocket.CLOSED) this.connect();
  }

  /** Ask for something; rejects with `Fault`, code 'closed' when the answer cannot come any more. */
  ask(method, params = {}, patience = PATIENCE) {
    if (!this.open) return Promise.reject(new Fault("closed"));
    const id = this.#next++;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => this.#settle(id, (each) => each.reject(new Fault("closed"))), patience);
      this.#waiting.set(id, { resolve, reject, timer });
      this.#socket.send(JSON.stringify({ id, method, params }));
    });
  }

  #receive(text) {
    const answer = JSON.parse(text);
    if (answer.push !== undefined) {
      this.dispatchEvent(new CustomEvent("push", { detail: { name: answer.push, data: answer.data } }));
    } else if (answer.error !== undefined) {
      const { code, text: sentence, key, values } = answer.error;
      this.#settle(answer.id, (each) => each.reject(new Fault(code, sentence, key, values)));
    } else {
      this.#settle(answer.id, (each) => each.resolve(answer.result));
    }
  }

  #settle(id, how) {
    const waiting = this.#waiting.get(id);
    if (waiting === undefined) return;
    this.#waiting.delete(id);
    clearTimeout(waiting.timer);
    how(waiting);
  }

  #lost() {
    for (const id of [...this.#waiting.keys()]) this.#settle(id, (each) => each.reject(new Fault("closed")));
    this.dispatchEvent(new Event("closed"));
  }

  /** A socket does not say why it was refused; a plain request does (401: no session). */
  async #again() {
    try {
      const answer = await fetch("/", { method: "GET", cache: "no-store", redirect: "manual" });
      if (answer.status === 401) this.dispatchEvent(new Event("refused"));
    } catch {
      // nobody answers: the program is not running
    }
    this.connect();
  }
}
