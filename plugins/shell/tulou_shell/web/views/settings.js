// Account, appearance, language, notifications, plugins.
import { fill, h, icon, View } from "../dom.js";
import { askForNotifications, notifications } from "../notify.js";
import { address } from "../route.js";
import { storage } from "../storage.js";
import { store } from "../store.js";
import { language, setLanguage, t } from "../texts.js";
import { avatar, formDialog, pageIcon } from "./parts.js";

class Settings extends View {
  connectedCallback() {
    this.watch(store, "session connection plugins contributions", () => this.#show());
    this.#show();
  }

  #show() {
    const { account } = store.session;
    fill(this, h("div", { class: "card-page scroll" },
      h("h1", { class: "card-title" }, t("settings.title")),
      account && h("article", { class: "card" },
        h("div", { class: "card-head" }, avatar(account.address, store.nameOf(account.address)),
          h("div", { class: "grow" }, h("h2", { class: "ellipsis" }, store.nameOf(account.address)), h("p", { class: "card-sub" }, account.address))),
        h("dl", { class: "facts" },
          h("dt", {}, t("settings.connection")), h("dd", {}, connectionWords()),
          account.endpoint && [h("dt", {}, t("settings.server")), h("dd", {}, account.endpoint)]),
        h("button", { type: "button", class: "button danger", onclick: () => signOut(account.address) }, icon("exit"), t("settings.signOut"))),
      h("article", { class: "card" },
        choice(t("settings.look"), theme(), [
          ["", t("settings.themeSystem")], ["light", t("settings.themeLight")], ["dark", t("settings.themeDark")],
        ], setTheme),
        choice(t("settings.language"), language(), [["zh", "中文"], ["en", "English"]], setLanguage),
        notificationRow()),
      pageLinks(),
      h("article", { class: "card" }, h("h2", {}, t("settings.plugins")), pluginTrouble(), pluginNames())));
  }
}

/** The pages that plugins put here. */
function pageLinks() {
  const pages = store.contributions.pages.filter((each) => each.place === "settings");
  return pages.length > 0 && h("nav", { class: "card page-links", "aria-label": t("settings.pages") }, pages.map((page) =>
    h("a", { class: "page-link", href: address("app", page.name), dataset: { page: page.name } },
      h("span", { class: "page-link-icon" }, pageIcon(page)), h("span", { class: "grow ellipsis" }, t(page.title)), icon("next"))));
}

function connectionWords() {
  const { state, reason } = store.connection;
  const text = state === "waiting" ? t("connection.waitingSoon") : t(`connection.${state}`);
  return reason && state !== "online" ? `${text} (${reason})` : text;
}

function choice(label, now, options, choose) {
  const name = `choice-${label}`;
  return h("fieldset", { class: "choice" }, h("legend", {}, label), h("div", { class: "segments" },
    options.map(([value, word]) => h("label", { class: "segment" },
      h("input", { type: "radio", name, value, checked: value === now, onchange: () => choose(value) }), h("span", {}, word)))));
}

function theme() {
  return document.documentElement.dataset.theme ?? "";
}

function setTheme(value) {
  if (value) document.documentElement.dataset.theme = value;
  else delete document.documentElement.dataset.theme;
  storage.set("tulou.theme", value || null);
}

function notificationRow() {
  const state = notifications();
  if (state === "unknown") return null;
  const words = { on: t("settings.notifyOn"), denied: t("settings.notifyDenied") };
  return h("fieldset", { class: "choice" }, h("legend", {}, t("settings.notify")), state === "off"
    ? h("button", { type: "button", class: "button", onclick: async () => {
      await askForNotifications();
      store.emit("session");
    } }, t("settings.notifyOff"))
    : h("p", { class: "card-sub" }, words[state]));
}

/** What is not as it should be, or a word that all is well. */
function pluginTrouble() {
  const { plugins, missing, problems, faults = [] } = store.plugins;
  const lines = [
    ...missing.map((name) => t(`missing.${name}`)),
    ...plugins.filter((each) => each.reason).map((each) => `${each.name}: ${each.reason}`),
    ...problems.map((text) => `${t("settings.problems")}: ${text}`),
    ...faults.map((each) => t("settings.fault", each)),
  ];
  if (lines.length === 0) return h("p", { class: "card-sub plugin-fine" }, icon("check"), t("settings.pluginsFine"));
  return h("ul", { class: "plugin-lines" }, lines.map((text) => h("li", { class: "plugin-line" }, icon("alert"), h("span", {}, text))));
}

function pluginNames() {
  const running = store.plugins.plugins.filter((each) => !each.reason);
  return h("ul", { class: "plugin-names" }, running.map((each) => h("li", { title: each.state, dataset: { state: each.state } }, each.name)));
}

function signOut(address) {
  formDialog(t("settings.signOut"), h("p", {}, t("settings.signOutAsk", { address })), t("settings.signOut"), () => store.signOut());
}

customElements.define("tulou-settings", Settings);
