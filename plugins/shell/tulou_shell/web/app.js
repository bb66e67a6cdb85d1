// The root: which screen, which panes, the page's title.
import "./views/bar.js";
import "./views/composer.js";
import "./views/contacts.js";
import "./views/conversation.js";
import "./views/list.js";
import "./views/notices.js";
import "./views/page.js";
import "./views/settings.js";
import "./views/signin.js";
import { h, fill, icon, View } from "./dom.js";
import { watchNotifications } from "./notify.js";
import { follow } from "./open.js";
import { address, beside, go, panes, route, samePage, setDevice, watchPanes, watchRoute } from "./route.js";
import { storage } from "./storage.js";
import { store } from "./store.js";
import { t } from "./texts.js";
import { avatar, empty, pageIcon } from "./views/parts.js";

const TABS = [["chats", "chat"], ["contacts", "people"], ["settings", "gear"]];

class App extends View {
  #screen = "";
  #frame = null;

  connectedCallback() {
    this.watch(store, "session", () => this.#show());
    this.watch(store, "conversations contacts", () => this.#count());
    this.watch(store, "contributions", () => this.#drawTabs());
    this.watch(store, "contacts", () => this.#drawOwn());
    this.later(watchRoute(() => this.#place()));
    this.later(watchPanes(() => this.#measure()));
    addEventListener("tulou-language", () => {
      this.#screen = "";
      this.#show();
    });
    this.#show();
  }

  /** Loading, signing in, or the app proper. */
  #show() {
    const session = store.session;
    this.#measure();
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

  #measure() {
    setDevice(store.session?.device);
    this.dataset.panes = panes();
  }

  #main() {
    this.#frame = {
      nav: h("nav", { class: "rail", "aria-label": t("nav.label") }),
      side: h("section", { class: "side" }),
      pane: h("main", { class: "pane" }),
      third: h("aside", { class: "beside", "aria-label": t("page.beside") }),
      shown: {},
    };
    const { nav, side, pane, third } = this.#frame;
    fill(this, h("tulou-bar"), h("tulou-notices"), h("div", { class: "frame" }, nav, side, pane, third));
    this.#drawTabs();
    this.#place();
  }

  /** The sections: the shell's own, and between them the pages that have a place there. */
  #drawTabs() {
    if (this.#frame === null) return;
    const pages = store.contributions.pages.filter((each) => each.place === "bar");
    const [chats, contacts, settings] = TABS.map(([name, picture]) => railTab(name, `#/${name}`, t(`nav.${name}`),
      icon(picture), name === "chats" && h("span", { class: "badge rail-badge", hidden: true })));
    fill(this.#frame.nav, h("div", { class: "rail-own" }), chats, contacts,
      pages.map((page) => railTab(`app/${page.name}`, address("app", page.name), t(page.title), pageIcon(page))), settings);
    this.#drawOwn();
    this.#markTabs();
    this.#count();
  }

  /** One's own picture; how one is called may become known later. */
  #drawOwn() {
    const place = this.querySelector(".rail-own");
    const own = store.session?.account?.address ?? "";
    if (place === null) return;
    place.title = own && `${store.nameOf(own)} (${own})`;
    fill(place, own && avatar(own, store.nameOf(own)));
  }

  #markTabs() {
    const { tab, id, page } = route();
    const known = tab === "app" && store.contributions.pages.find((each) => each.name === page.name);
    const current = tab !== "app" ? tab : known?.place === "settings" ? "settings" : `app/${id}`;
    for (const link of this.#frame.nav.querySelectorAll("a")) {
      link.toggleAttribute("data-current", link.dataset.tab === current);
      if (link.dataset.tab === current) link.setAttribute("aria-current", "page");
      else link.removeAttribute("aria-current");
    }
    this.toggleAttribute("data-rail", tab === "settings" || known?.place === "bar");
  }

  /** Follow the route: replace only what is another one now. */
  #place() {
    if (this.#frame === null) return;
    const { tab, id, page } = route();
    const { side, pane, third, shown } = this.#frame;
    const next = tab === "app" ? null : page; // beside a conversation or a contact
    this.dataset.tab = tab;
    this.dataset.pane = next ? "beside" : id !== "" || tab === "settings" ? "pane" : "side";
    this.#markTabs();
    if (shown.tab !== tab) fill(side, SIDES[tab]());
    if (shown.tab !== tab || shown.id !== id) fill(pane, paneOf(tab, id));
    if (!samePage(shown.page, next)) fill(third, next && h("tulou-page", { name: next.name, beside: true }));
    Object.assign(shown, { tab, id, page: next });
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

function railTab(name, href, word, ...picture) {
  return h("a", { class: "rail-tab", href, dataset: { tab: name }, title: word },
    h("span", { class: "rail-icon" }, picture), h("span", { class: "rail-word ellipsis" }, word));
}

const SIDES = {
  app: () => [],
  chats: () => h("tulou-conversation-list"),
  contacts: () => h("tulou-contact-list"),
  settings: () => [],
};

function paneOf(tab, id) {
  if (tab === "settings") return h("tulou-settings");
  if (tab === "app") return h("tulou-page", { name: id });
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
  if (event.key !== "Escape" || event.defaultPrevented || event.isComposing || document.querySelector("dialog[open]")) return;
  const { tab, id, page } = route();
  if (beside()) go(tab, id);
  else if (page === null && id && panes() === 1) go(tab);
});

// A signed-out account leaves no text behind in the browser.
store.on("session", () => {
  const { account, signedIn } = store.session;
  if (!signedIn && account) storage.forget(`tulou.draft.${account.address}.`);
});

// Links of the app's own in texts; a middle click would leave the app, so it means the same.
document.addEventListener("tulou-follow", (event) => follow(String(event.detail?.url ?? "")));
document.addEventListener("auxclick", (event) => {
  const link = event.target.closest?.("a.inside-link");
  if (link && event.button === 1) {
    event.preventDefault();
    follow(link.textContent);
  }
});

customElements.define("tulou-app", App);
watchNotifications();
store.start();
