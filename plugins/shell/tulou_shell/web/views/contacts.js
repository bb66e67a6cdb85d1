// The contact list and one contact's page.
import { fill, h, icon, keyed, View } from "../dom.js";
import { contributed } from "../elements.js";
import { address as addressOf, go, route, watchRoute } from "../route.js";
import { store } from "../store.js";
import { language, t } from "../texts.js";
import { complete } from "./list.js";
import { avatar, dot, empty, field, filterField, formDialog, iconButton } from "./parts.js";

class ContactList extends View {
  #filter = "";
  #items = h("ul", { class: "items" });
  #nothing = h("div");

  connectedCallback() {
    const missing = store.session.missing.includes("transport");
    fill(this,
      h("header", { class: "side-head" }, h("h1", { class: "side-title grow" }, t("nav.contacts")),
        !missing && iconButton("plus", t("contacts.add"), () => addContact())),
      filterField((looked) => {
        this.#filter = looked;
        this.#update();
      }),
      h("nav", { class: "scroll", "aria-label": t("contacts.list") }, this.#items, this.#nothing));
    this.watch(store, "contacts conversations", () => this.#update());
    this.later(watchRoute(() => this.#update()));
    this.#update();
  }

  #update() {
    const order = new Intl.Collator(language() === "zh" ? "zh-CN-u-co-pinyin" : "en");
    const shown = [...store.contacts.values()]
      .filter((each) => `${store.nameOf(each.address)} ${each.address}`.toLowerCase().includes(this.#filter))
      .sort((a, b) => order.compare(store.nameOf(a.address), store.nameOf(b.address)));
    keyed(this.#items, shown, (each) => each.address,
      (each) => h("li", {}, h("a", { class: "item", href: addressOf("contacts", each.address) })),
      (node, each) => drawLine(node.firstChild, each));
    fill(this.#nothing, shown.length === 0 && nothing());
  }
}

function nothing() {
  if (store.session.missing.includes("transport")) return empty("plug", t("missing.title"), t("missing.transport"));
  return empty("people", t("contacts.empty"), t("contacts.emptyHint"),
    h("button", { type: "button", class: "button primary", onclick: () => addContact() }, t("contacts.add")));
}

function drawLine(link, contact) {
  const name = store.nameOf(contact.address);
  const current = route().tab === "contacts" && route().id === contact.address;
  link.toggleAttribute("data-current", current);
  if (current) link.setAttribute("aria-current", "true");
  else link.removeAttribute("aria-current");
  fill(link, avatar(contact.address, name, contact.presence),
    h("span", { class: "item-text" },
      h("span", { class: "item-top" }, h("span", { class: "item-name ellipsis grow" }, name)),
      h("span", { class: "item-bottom" }, h("span", { class: "item-preview ellipsis" },
        contact.subscribed ? t(`presence.${contact.presence}`) : t("contacts.waiting")))));
}

function addContact() {
  formDialog(t("contacts.addTitle"), [
    field(t("contacts.addAddress"), {
      name: "address", placeholder: t("signin.addressHint"), autocapitalize: "none", autocomplete: "off",
      spellcheck: "false", inputmode: "email",
    }),
    field(t("new.name"), { name: "name", autocomplete: "off" }),
  ], t("contacts.addSubmit"), (values) => store.ask("contacts.add", {
    address: complete(values.address.trim()), name: values.name.trim(),
  }));
}

class Contact extends View {
  #head = h("div", { class: "card-head" });
  #tabs = h("div", { class: "tabs", role: "tablist" });
  #panel = h("div", { class: "tab-panel", role: "tabpanel" });
  #chosen = "";
  #drawn = "";

  connectedCallback() {
    fill(this,
      h("header", { class: "pane-head phone-only" }, iconButton("back", t("action.back"), () => go("contacts"))),
      h("div", { class: "card-page scroll" }, h("article", { class: "card" }, this.#head, this.#tabs, this.#panel,
        h("button", { type: "button", class: "button primary wide", onclick: () => this.#chat() },
          icon("chat"), t("contacts.message")))));
    this.watch(store, "contacts conversations contributions", () => this.#show());
    this.#show();
  }

  get #contact() {
    const address = this.getAttribute("address");
    return { subscribed: null, presence: "", ...store.contacts.get(address), address, name: store.nameOf(address) };
  }

  async #chat() {
    const { address } = this.#contact;
    const conversation = await store.open(address, store.contacts.get(address)?.name ?? "");
    go("chats", conversation.id);
  }

  #show() {
    const { address, name, presence } = this.#contact;
    fill(this.#head, avatar(address, name), h("div", { class: "grow" }, h("h1", {}, name),
      h("p", { class: "card-sub" }, presence && dot(presence), presence ? t(`presence.${presence}`) : "")));
    this.#showTabs();
  }

  #showTabs() {
    const { tabs } = store.contributions;
    const chosen = tabs.find((each) => each.name === this.#chosen) ?? tabs[0];
    this.#tabs.hidden = tabs.length < 2;
    fill(this.#tabs, tabs.map((tab) => h("button", {
      type: "button", role: "tab", class: "tab", "aria-selected": String(tab === chosen), onclick: () => {
        this.#chosen = tab.name;
        this.#showTabs();
      },
    }, t(tab.title))));
    this.#draw(chosen);
  }

  async #draw(tab) {
    const drawn = tab ? tab.module : "";
    if (this.#drawn !== drawn) {
      this.#drawn = drawn;
      fill(this.#panel);
      if (!tab) return;
      try {
        const element = await contributed(tab.module);
        if (this.#drawn === drawn) fill(this.#panel, element);
      } catch {
        if (this.#drawn === drawn) fill(this.#panel, h("p", { class: "card-sub" }, t("contacts.tabBroken")));
        return;
      }
    }
    if (this.#panel.firstChild) this.#panel.firstChild.contact = this.#contact;
  }
}

customElements.define("tulou-contact-list", ContactList);
customElements.define("tulou-contact", Contact);
