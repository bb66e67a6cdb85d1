// One conversation: its messages, and the composer below them.
import { fill, h, icon, keyed, View } from "../dom.js";
import { clockTime, dateOf, dayName, fullTime } from "../format.js";
import { go } from "../route.js";
import { store } from "../store.js";
import { t } from "../texts.js";
import { fillBubble } from "./bubble.js";
import { avatar, dot, iconButton, presenceOf, sentence } from "./parts.js";

const NEAR_END = 80; // px from the end that still count as being there
const NEAR_START = 300; // px from the start at which older messages are brought
const TOGETHER = 5 * 60_000_000; // microseconds within which messages of one person form a group
const STATE_ICON = { sending: "clock", queued: "clock", sent: "check", delivered: "checks", read: "checks" };

class Conversation extends View {
  #id = "";
  #header = h("header", { class: "pane-head" });
  #rows = h("ol", { class: "rows" });
  #notice = h("div", { class: "log-notice" });
  #log = null;
  #jump = null;
  #unreadFrom = null; // position after which messages were new when the person came
  #atEnd = true;
  #placed = false; // whether the first scroll position was chosen
  #missed = 0;
  #oldest = undefined;

  connectedCallback() {
    this.#id = this.getAttribute("address");
    const name = store.nameOf(this.#id);
    this.#log = h("div", {
      class: "log", role: "log", tabindex: "0", "aria-label": t("chat.log"), "aria-live": "polite",
      onscroll: () => this.#scrolled(),
    }, this.#notice, this.#rows);
    this.#jump = h("button", { type: "button", class: "jump", hidden: true, onclick: () => this.#toEnd(true) });
    fill(this, this.#header, h("div", { class: "log-frame" }, this.#log, this.#jump),
      h("tulou-composer", { address: this.#id, name }));
    this.#noteUnread();
    this.watch(store, "contacts conversations", () => this.#drawHeader());
    this.watch(store, `history:${this.#id}`, () => this.#draw());
    this.watch(store, "contributions session", () => this.#drawAnew());
    this.#listen();
    this.#drawHeader();
    this.#draw();
    store.load(this.#id);
    if (matchMedia("(hover: hover)").matches) this.querySelector("textarea")?.focus();
  }

  #listen() {
    const look = () => this.#markRead();
    document.addEventListener("visibilitychange", look);
    addEventListener("focus", look);
    this.later(() => document.removeEventListener("visibilitychange", look));
    this.later(() => removeEventListener("focus", look));
    const sizes = new ResizeObserver(() => this.#atEnd && this.#placed && this.#toEnd());
    sizes.observe(this.#log);
    sizes.observe(this.#rows);
    this.later(() => sizes.disconnect());
    this.addEventListener("tulou-sent", () => {
      this.#unreadFrom = null;
      this.#toEnd();
    });
  }

  #drawHeader() {
    const name = store.nameOf(this.#id);
    const presence = presenceOf(this.#id);
    fill(this.#header,
      iconButton("back", t("action.back"), () => go("chats"), { class: "icon-button phone-only" }),
      h("div", { class: "grow" },
        h("h1", { class: "pane-title ellipsis" }, name),
        h("p", { class: "pane-sub ellipsis" }, presence ? [dot(presence), t(`presence.${presence}`)] : this.#id)),
      iconButton("info", t("chat.details"), () => go("contacts", this.#id)));
    if (this.#unreadFrom === null && !this.#placed) this.#noteUnread();
  }

  #noteUnread() {
    const line = store.conversations.get(this.#id);
    if (line && line.unread > 0) this.#unreadFrom = line.readPosition;
  }

  /** What comes while nobody looks is marked as new for when somebody does. */
  #noteArrival(history) {
    const newest = history.messages.at(-1);
    const read = store.conversations.get(this.#id)?.readPosition ?? 0;
    if (newest && !newest.outgoing && newest.position > read) this.#unreadFrom = read;
  }

  #drawAnew() {
    for (const row of this.#rows.children) delete row.tulouView;
    this.#draw();
  }

  #draw() {
    const history = store.history(this.#id);
    const before = { height: this.#log.scrollHeight, top: this.#log.scrollTop, oldest: this.#oldest };
    this.#oldest = history.messages[0]?.id;
    if (this.#unreadFrom === null && this.#placed && !looking()) this.#noteArrival(history);
    const rows = rowsOf(history, this.#unreadFrom);
    keyed(this.#rows, rows, (row) => row.key, (row) => h("li", { class: `row row-${row.type}` }), (node, row) => this.#drawRow(node, row));
    this.#drawNotice(history);
    this.#keepPlace(history, before);
    this.#markRead();
  }

  #drawNotice(history) {
    if (history.failed) {
      fill(this.#notice, t("chat.olderFailed"), " ",
        h("button", { type: "button", class: "link-button", onclick: () => store.load(this.#id, true) }, t("action.retry")));
    } else if (history.loading) fill(this.#notice, h("span", { class: "spinner" }), t("chat.older"));
    else if (history.complete) fill(this.#notice, t("chat.begin", { name: store.nameOf(this.#id) }));
    else fill(this.#notice);
    this.#log.setAttribute("aria-busy", String(history.loading));
  }

  /** After a change: stay at the end, or keep what is being read where it is. */
  #keepPlace(history, before) {
    if (!this.#placed) {
      if (!history.loaded) return;
      this.#placed = true;
      const line = this.#rows.querySelector(".row-unread");
      if (line) this.#log.scrollTop = Math.max(0, line.offsetTop - this.#log.clientHeight / 3);
      else this.#toEnd();
    } else if (this.#atEnd) {
      this.#toEnd();
    } else if (this.#oldest !== before.oldest && before.oldest !== undefined) {
      this.#log.scrollTop = before.top + (this.#log.scrollHeight - before.height);
    }
    this.#scrolled();
  }

  #drawRow(node, row) {
    const view = JSON.stringify(row);
    if (node.tulouView === view) return;
    node.tulouView = view;
    if (row.type === "day") fill(node, h("span", {}, dayName(dateOf(row.at))));
    else if (row.type === "unread") fill(node, h("span", {}, t("chat.newMessages")));
    else drawMessage(node, row);
  }

  #scrolled() {
    const log = this.#log;
    const left = log.scrollHeight - log.scrollTop - log.clientHeight;
    this.#atEnd = left < NEAR_END;
    const history = store.history(this.#id);
    if (this.#placed && log.scrollTop < NEAR_START && !history.failed) store.load(this.#id, true);
    if (this.#atEnd) this.#missed = history.messages.length;
    const fresh = history.messages.slice(this.#missed).filter((message) => !message.outgoing).length;
    this.#jump.hidden = this.#atEnd || !this.#placed;
    fill(this.#jump, icon("down"), fresh > 0 && h("span", {}, t("chat.jumpCount", { count: fresh })));
    set(this.#jump, t("chat.jump"));
    this.#markRead();
  }

  #toEnd(smoothly = false) {
    this.#atEnd = true;
    this.#log.scrollTo({ top: this.#log.scrollHeight, behavior: smoothly ? "smooth" : "instant" });
  }

  /** What was really seen counts as read: the page is in front and the message is in view. */
  #markRead() {
    if (!looking() || !this.#placed) return;
    const end = this.#log.getBoundingClientRect().bottom + 8;
    const rows = this.#rows.children;
    for (let index = rows.length - 1; index >= 0; index -= 1) {
      const { position } = rows[index].dataset;
      if (position && rows[index].getBoundingClientRect().bottom <= end) {
        store.markRead(this.#id, Number(position));
        return;
      }
    }
  }
}

function looking() {
  return !document.hidden && document.hasFocus();
}

function set(button, label) {
  button.title = label;
  button.setAttribute("aria-label", button.textContent ? `${label}: ${button.textContent}` : label);
}

/** Messages with what stands between them: days, the line above new messages, groups of one person. */
function rowsOf(history, unreadFrom) {
  const rows = [];
  let before = null;
  let marked = unreadFrom === null;
  for (const message of [...history.messages, ...history.pending.filter((each) => !each.storedAs)]) {
    const day = dateOf(message.at).toDateString();
    const newDay = before === null || dateOf(before.at).toDateString() !== day;
    if (newDay) rows.push({ type: "day", key: `day ${day} ${rows.length === 0 ? "" : before.position}`, at: message.at });
    const newest = !marked && !message.outgoing && message.position > unreadFrom;
    if (newest) {
      marked = true;
      rows.push({ type: "unread", key: "unread" });
    }
    const first = newDay || newest || before.sender !== message.sender || message.at - before.at > TOGETHER;
    if (first && rows.length > 0 && rows.at(-1).message) rows.at(-1).last = true;
    rows.push({ type: "message", key: message.shownAs ?? message.id, message, first, last: false });
    before = message;
  }
  if (rows.length > 0 && rows.at(-1).message) rows.at(-1).last = true;
  return rows;
}

function drawMessage(node, { message, first, last }) {
  const name = store.nameOf(message.sender);
  const at = dateOf(message.at);
  node.className = `row row-message${message.outgoing ? " own" : ""}${first ? " first" : ""}${last ? " last" : ""}`;
  if (Number.isFinite(message.position)) node.dataset.position = message.position;
  node.dataset.state = message.state;
  const bubble = node.querySelector(":scope > .row-body > .bubble") ?? h("div", { class: "bubble" });
  fill(node,
    h("span", { class: "sr-only" }, t("chat.from", { name: message.outgoing ? t("chats.you").replace(/[:：]\s*$/, "") : name, time: fullTime(at) })),
    !message.outgoing && h("span", { class: "row-side" }, first && avatar(message.sender, name)),
    h("div", { class: "row-body" }, bubble,
      h("span", { class: "meta" }, message.outgoing && stateMark(message),
        h("time", { datetime: at.toISOString(), title: fullTime(at) }, clockTime(at)))),
    message.state === "failed" && failure(message));
  fillBubble(bubble, message);
}

function stateMark(message) {
  const words = t(`state.${message.state}`);
  const picture = STATE_ICON[message.state];
  return picture && h("span", { class: `tick tick-${message.state}`, role: "img", "aria-label": words, title: words }, icon(picture));
}

function failure(message) {
  const error = h("span", {}, message.reason || t("state.failed"));
  return h("div", { class: "failure" }, icon("alert"), error, h("button", {
    type: "button", class: "link-button", onclick: async (event) => {
      event.currentTarget.disabled = true;
      try {
        await store.retry(message.conversation, message.id);
      } catch (fault) {
        error.textContent = sentence(fault);
      }
    },
  }, t("chat.resend")));
}

customElements.define("tulou-conversation", Conversation);
