// A contributed page: its element, and its way back to Python.
import { fill, h, icon, View } from "../dom.js";
import { contributed, faulty } from "../elements.js";
import { listen } from "../feeds.js";
import { open } from "../open.js";
import { address, go, route, watchRoute } from "../route.js";
import { Fault } from "../socket.js";
import { store } from "../store.js";
import { contributedText, t } from "../texts.js";
import { empty, iconButton, pageIcon, sentence } from "./parts.js";

const PATIENCE = 10 * 60_000; // ms; what a plugin does for a page may take long

class Page extends View {
  #name = "";
  #module = null; // of the element that is shown; null before the first look
  #element = null;
  #head = h("header", { class: "pane-head page-head" });
  #body = h("div", { class: "page-body scroll", tabindex: "-1" });
  #ends = new Set(); // of the feeds that the element listens to

  connectedCallback() {
    this.#name = this.getAttribute("name");
    fill(this, this.#head, this.#body);
    this.watch(store, "contributions", () => this.#show());
    this.later(watchRoute(() => this.#hand()));
    this.later(() => this.#close());
    this.#show();
  }

  get #page() {
    return store.contributions.pages.find((each) => each.name === this.#name);
  }

  #show() {
    const page = this.#page;
    this.#drawHead(page);
    const module = page?.module ?? "";
    if (module === this.#module) return;
    this.#module = module;
    this.#close();
    if (page) this.#load(page);
    else fill(this.#body, empty("plug", t("page.gone"), t("page.goneHint")));
  }

  #drawHead(page) {
    const back = this.hasAttribute("beside") ? this.#leave("close", t("action.close"))
      : page?.place === "bar" ? null : this.#leave("back", t("action.back"));
    const title = h("h1", { class: "pane-title ellipsis grow" }, page ? t(page.title) : this.#name);
    const picture = page && h("span", { class: "page-head-icon" }, pageIcon(page));
    fill(this.#head, this.hasAttribute("beside") ? [picture, title, back] : [back, picture, title]);
  }

  #leave(picture, label) {
    return iconButton(picture, label, () => {
      const { tab, id, page } = route();
      if (tab !== "app") go(tab, id);
      else go(this.#page?.place === "settings" || page === null ? "settings" : "chats");
    });
  }

  async #load({ module }) {
    fill(this.#body, h("p", { class: "page-loading", role: "status" }, h("span", { class: "spinner" }), t("page.loading")));
    try {
      const element = await contributed(module);
      if (this.#module !== module || !this.isConnected) return;
      this.#element = element;
      element.tulou = this.#way(element);
      this.#hand();
      if (this.#element !== element) return;
      fill(this.#body, element);
      store.ask("page.opened", { name: this.#name }).catch(() => {}); // nobody misses a count
      // for the keys that scroll, unless somebody writes something meanwhile
      if ([document.body, null].includes(document.activeElement)) this.#body.focus({ preventScroll: true });
    } catch {
      if (this.#module === module) this.#broken();
    }
  }

  /** Give the element the parameters that the address has now. */
  #hand() {
    const { page } = route();
    if (this.#element === null || page?.name !== this.#name) return;
    try {
      this.#element.parameters = Object.freeze(page.parameters);
    } catch (error) {
      faulty(this.#module, error);
      this.#broken();
    }
  }

  #broken() {
    this.#close();
    fill(this.#body, empty("alert", t("page.broken"), t("page.brokenHint")));
  }

  /** What the contract `Page` promises of the property `tulou`. */
  #way(element) {
    return Object.freeze({
      call: (name, params = {}) => told(() => store.ask("page.call", { name, params }, PATIENCE)),
      listen: (feed, params, callback, more = {}) => {
        if (this.#element !== element) return () => {};
        const stop = listen(feed, params ?? {}, callback, { ...more, ended: (fault) => more.ended?.(fault && worded(fault)) });
        const end = () => {
          this.#ends.delete(end);
          stop();
        };
        this.#ends.add(end);
        return end;
      },
      open: (url) => told(() => open(url)),
      text: t,
      address: (parameters) => address("app", this.#name, parameters),
    });
  }

  /** The element goes, and with it everything it listens to. */
  #close() {
    this.#element = null;
    for (const end of [...this.#ends]) end();
  }
}

async function told(asked) {
  try {
    return await asked();
  } catch (fault) {
    throw worded(fault);
  }
}

/** A fault whose message is a sentence in the page's language, or else as Python said it. */
function worded(fault) {
  if (!(fault instanceof Fault)) return fault;
  const own = fault.key && contributedText(fault.key, fault.values);
  return new Fault(fault.code, own ? own : fault.code === "failed" ? fault.message : sentence(fault));
}

customElements.define("tulou-page", Page);
