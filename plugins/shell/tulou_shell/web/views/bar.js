// The bar on top that says when something is wrong with the connection, and what can be done.
import { fill, h, icon, View } from "../dom.js";
import { store } from "../store.js";
import { t } from "../texts.js";

const GRACE = 1500; // ms; a connection that comes back sooner is nobody's concern

class Bar extends View {
  #shown = "";
  #timer = 0;

  connectedCallback() {
    this.setAttribute("role", "status");
    this.watch(store, "line connection session", () => this.#soon());
    const ticking = setInterval(() => this.#update(), 1000);
    this.later(() => clearInterval(ticking));
    this.later(() => clearTimeout(this.#timer));
    this.#soon();
  }

  #soon() {
    clearTimeout(this.#timer);
    const calm = trouble() === null || trouble().urgent;
    this.#timer = setTimeout(() => this.#update(), calm ? 0 : GRACE);
  }

  #update() {
    const what = trouble();
    if (what !== null && !what.urgent && this.#shown === "" && sinceTrouble() < GRACE) return;
    const key = what === null ? "" : what.text;
    if (key === this.#shown) return;
    this.#shown = key;
    if (what === null) {
      fill(this);
      return;
    }
    fill(this, h("div", { class: `bar bar-${what.tone}` }, icon(what.tone === "busy" ? "clock" : "alert"),
      h("span", { class: "grow" }, what.text),
      what.action && h("button", { type: "button", class: "bar-button", onclick: what.act }, what.action)));
  }
}

function sinceTrouble() {
  return performance.now() - (store.line === "open" ? store.connection.since : store.lineSince);
}

/** What is wrong: text, tone, and an action; null when all is well. */
function trouble() {
  if (store.line === "refused") return { tone: "danger", text: t("connection.pageClosed"), urgent: true };
  if (store.line === "closed") {
    return { tone: "warn", text: t("connection.page"), action: t("action.retryNow"), act: () => store.hurry() };
  }
  if (store.session === null || !store.session.signedIn) return null;
  const what = CONNECTION[store.connection.state]?.() ?? null;
  return store.connection.state === "waiting" ? networkTrouble(what) : what;
}

/** The network says more than that the server is out of reach. */
function networkTrouble(what) {
  const { reach = "up", detail = "" } = store.session.network ?? {};
  if (reach === "up") return what;
  return { ...what, text: reach === "captive" && detail ? `${t("connection.captive")} (${detail})` : t(`connection.${reach}`) };
}

const retry = () => store.ask("connection.retry").catch(() => {});

const CONNECTION = {
  connecting: () => ({ tone: "busy", text: t("connection.connecting") }),
  waiting: () => {
    const { retryIn, since, reason } = store.connection;
    const left = retryIn === null ? 0 : Math.ceil(retryIn - (performance.now() - since) / 1000);
    const text = left > 0 ? t("connection.waiting", { seconds: left }) : t("connection.waitingSoon");
    return { tone: "warn", text, reason, action: t("action.retryNow"), act: retry, urgent: true };
  },
  refused: () => ({ tone: "danger", text: t("connection.refused"), urgent: true }),
  replaced: () => ({
    tone: "danger", text: t("connection.replaced"), action: t("connection.useHere"), act: retry, urgent: true,
  }),
  missing: () => ({ tone: "warn", text: t("connection.missing"), urgent: true }),
};

customElements.define("tulou-bar", Bar);
