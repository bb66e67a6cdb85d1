// The root: which screen, which panes, the page's title.
import "./views/bar.js";
import "./views/composer.js";
import "./views/contacts.js";
import "./views/conversation.js";
import "./views/list.js";
import "./views/settings.js";
import "./views/signin.js";
import { h, fill, icon, View } from "./dom.js";
import { watchNotifications } from "./notify.js";
import { go, route, watchRoute } from "./route.js";
import { storage } from "./storage.js";
import { store } from "./store.js";
import { t } from "./texts.js";
import { avatar, empty } from "./views/parts.js";

const TABS = [["chats", "chat"], ["contacts", "people"], ["settings", "gear"]];

class App extends View {
  #screen = "";
  #frame = null;

  connectedCallback() {
    this.watch(store, "session", () => this.#show());
    this.watch(store, "conversations contacts", () => this.#count());
    this.later(watchRoute(() => this.#place()));
    addEventListener("tulou-language", () => {
      this.#screen = "";
      this.#show();
    });
    this.#show();
  }

  /** Loading, signing in, or the app proper. */
  #show() {
    const session = store.session;
    const screen = session === null ? "loading" : needsSignIn(session) ? "signin" : "main";
    if (screen === this.#screen) return;
    this.#screen = screen;
    this.#frame = null;
    if (screen === "loading") fill(this, h("tulou-bar"), splash());
    else if (screen === "main") this.#main();
    else {
      history.replaceState(null, "", "#/chats"); // who signs in begins with the chats
      fill(this, h("tulou-bar"), h("tulou-sign-in"));
    }
    this.#count();
  }

  #main() {
    this.#frame = {
      nav: h("nav", { class: "rail", "aria-label": t("nav.label") }),
      side: h("section", { class: "side" }),
      pane: h("main", { class: "pane" }),
      shown: {},
    };
    const { nav, side, pane } = this.#frame;
    const own = store.session.account?.address ?? "";
    fill(
      nav,
      h("div", { class: "rail-own", title: own }, own && avatar(own, store.nameOf(own))),
      TABS.map(([name, picture]) => h("a", { class: "rail-tab", href: `#/${name}`, dataset: { tab: name } },
        h("span", { class: "rail-icon" }, icon(picture), name === "chats" && h("span", { class: "badge rail-badge", hidden: true })),
        h("span", { class: "rail-word" }, t(`nav.${name}`)))),
    );
    fill(this, h("tulou-bar"), h("div", { class: "frame" }, nav, side, pane));
    this.#place();
  }

  /** Follow the route: replace only what is another one now. */
  #place() {
    if (this.#frame === null) return;
    const { tab, id } = route();
    const { nav, side, pane, shown } = this.#frame;
    this.dataset.tab = tab;
    this.dataset.pane = id !== "" || tab === "settings" ? "pane" : "side";
    for (const link of nav.querySelectorAll("a")) {
      link.toggleAttribute("data-current", link.dataset.tab === tab);
      if (link.dataset.tab === tab) link.setAttribute("aria-current", "page");
      else link.removeAttribute("aria-current");
    }
    if (shown.tab !== tab) fill(side, SIDES[tab]());
    if (shown.tab !== tab || shown.id !== id) fill(pane, paneOf(tab, id));
    Object.assign(shown, { tab, id });
    this.#count();
  }

  #count() {
    const unread = store.session?.signedIn ? store.unread : 0;
    const badge = this.querySelector(".rail-badge");
    if (badge) {
      badge.textContent = unread > 99 ? "99+" : String(unread);
      badge.hidden = unread === 0;
    }
    const { tab, id } = route();
    const where = this.#screen === "main" && tab === "chats" && id ? `${store.nameOf(id)} · ` : "";
    document.title = `${unread ? `(${unread}) ` : ""}${where}${t("app.name")}`;
  }
}

const SIDES = {
  chats: () => h("tulou-conversation-list"),
  contacts: () => h("tulou-contact-list"),
  settings: () => [],
};

function paneOf(tab, id) {
  if (tab === "settings") return h("tulou-settings");
  if (tab === "contacts") {
    return id ? h("tulou-contact", { address: id }) : empty("people", t("contacts.pick"), t("contacts.pickHint"));
  }
  if (store.session.missing.includes("messenger")) {
    return empty("plug", t("missing.title"), t("missing.messenger"));
  }
  return id ? h("tulou-conversation", { address: id }) : empty("chat", t("chats.pick"), t("chats.pickHint"));
}

function needsSignIn(session) {
  return !session.signedIn && !session.missing.includes("identity");
}

function splash() {
  return h("div", { class: "splash", role: "status" }, h("img", { src: "/plugins/tulou_shell/icon.svg", alt: t("app.name"), width: 64, height: 64 }));
}

document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && !event.defaultPrevented && !event.isComposing && route().id
      && !document.querySelector("dialog[open]") && matchMedia("(width < 700px)").matches) {
    go(route().tab);
  }
});

// A signed-out account leaves no text behind in the browser.
store.on("session", () => {
  const { account, signedIn } = store.session;
  if (!signedIn && account) storage.forget(`tulou.draft.${account.address}.`);
});

customElements.define("tulou-app", App);
watchNotifications();
store.start();
