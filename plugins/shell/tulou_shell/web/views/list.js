// The conversation list.
import { fill, h, keyed, View } from "../dom.js";
import { dateOf, fullTime, localPart, shortTime } from "../format.js";
import { address, go, route, watchRoute } from "../route.js";
import { store } from "../store.js";
import { t } from "../texts.js";
import { avatar, empty, field, filterField, formDialog, iconButton, presenceOf, sentence } from "./parts.js";

class ConversationList extends View {
  #filter = "";
  #items = h("ul", { class: "items" });
  #nothing = h("div");

  connectedCallback() {
    const missing = store.session.missing.includes("messenger");
    fill(this,
      h("header", { class: "side-head" }, h("h1", { class: "side-title grow" }, t("nav.chats")),
        !missing && iconButton("plus", t("chats.new"), () => newChat())),
      filterField((looked) => {
        this.#filter = looked;
        this.#update();
      }),
      h("nav", { class: "scroll", "aria-label": t("chats.list") }, this.#items, this.#nothing));
    this.watch(store, "conversations contacts", () => this.#update());
    this.later(watchRoute(() => this.#update()));
    const minute = setInterval(() => this.#update(), 60_000);
    this.later(() => clearInterval(minute));
    this.#update();
  }

  #update() {
    const all = store.sortedConversations;
    const shown = all.filter((each) => `${store.nameOf(each.id)} ${each.id}`.toLowerCase().includes(this.#filter));
    keyed(this.#items, shown, (each) => each.id,
      (each) => h("li", {}, h("a", { class: "item", href: address("chats", each.id) })),
      (node, each) => drawLine(node.firstChild, each));
    fill(this.#nothing, shown.length === 0 && nothing(all.length > 0), store.hasMore && more());
  }
}

/** The rest of a long list, on demand. */
function more() {
  return h("p", { class: "list-more" }, h("button", { type: "button", class: "link-button", onclick: async (event) => {
    const { currentTarget: button } = event;
    button.disabled = true;
    try {
      await store.loadMore();
    } catch (fault) {
      button.disabled = false;
      store.say(sentence(fault));
    }
  } }, t("chats.more")));
}

function nothing(filtered) {
  if (store.session.missing.includes("messenger")) return empty("plug", t("missing.title"), t("missing.messenger"));
  if (filtered) return empty("search", t("chats.noMatch"), "");
  return empty("chat", t("chats.empty"), t("chats.emptyHint"),
    h("button", { type: "button", class: "button primary", onclick: () => newChat() }, t("chats.new")));
}

function drawLine(link, line) {
  const name = store.nameOf(line.id);
  const { id, tab } = route();
  const current = tab === "chats" && id === line.id;
  const draft = current ? "" : store.draft(line.id);
  const view = JSON.stringify([name, presenceOf(line.id), line.last, line.unread, draft, current, new Date().getMinutes()]);
  if (link.tulouView === view) return;
  link.tulouView = view;
  link.toggleAttribute("data-current", current);
  if (current) link.setAttribute("aria-current", "true");
  else link.removeAttribute("aria-current");
  const at = line.last ? dateOf(line.last.at) : null;
  fill(link, avatar(line.id, name, presenceOf(line.id)),
    h("span", { class: "item-text" },
      h("span", { class: "item-top" }, h("span", { class: "item-name ellipsis grow" }, name),
        at && h("time", { class: "item-time", datetime: at.toISOString(), title: fullTime(at) }, shortTime(at))),
      h("span", { class: "item-bottom" }, h("span", { class: "item-preview ellipsis grow" }, preview(line, draft)),
        line.unread > 0 && h("span", { class: "badge", "aria-label": t("chats.unread", { count: line.unread }) },
          line.unread > 99 ? "99+" : String(line.unread)))));
}

function preview(line, draft) {
  if (draft) return [h("span", { class: "item-draft" }, t("chats.draft")), draft];
  if (line.last === null) return "\u00a0";
  const failed = line.last.state === "failed" && h("span", { class: "item-draft" }, `[${t("state.failed")}] `);
  return [failed, line.last.outgoing ? t("chats.you") : "", line.last.body];
}

/** The dialog that starts a conversation: pick a contact, or type an address. */
export function newChat() {
  const people = h("ul", { class: "pick" });
  const address = field(t("new.address"), {
    name: "address", placeholder: t("signin.addressHint"), autocapitalize: "none", autocomplete: "off",
    spellcheck: "false", inputmode: "email", oninput: (event) => drawPeople(people, event.target.value),
  });
  const dialog = formDialog(t("new.title"), [
    address, people,
    field(t("new.name"), { name: "name", autocomplete: "off" }),
    h("label", { class: "check" }, h("input", { type: "checkbox", name: "contact" }), h("span", {}, t("new.addContact"))),
  ], t("new.submit"), async (values) => {
    const typed = values.address.trim();
    const named = typed.includes("@") ? [] : matching(typed);
    const whole = typed && named.length === 1 ? named[0].address : complete(typed);
    await start(whole, values.name.trim());
    if (values.contact) await store.ask("contacts.add", { address: whole, name: values.name.trim() });
  });
  people.addEventListener("click", async (event) => {
    const { person } = event.target.closest("button")?.dataset ?? {};
    if (person === undefined) return;
    await start(person, store.contacts.get(person)?.name ?? "");
    dialog.close();
  });
  drawPeople(people, "");
}

function matching(typed) {
  const wanted = typed.trim().toLowerCase();
  const own = store.session.account?.address;
  return [...store.contacts.values()].filter((each) => each.address !== own
    && `${store.nameOf(each.address)} ${each.address}`.toLowerCase().includes(wanted));
}

function drawPeople(list, typed) {
  fill(list, matching(typed).slice(0, 6).map((each) => h("li", {}, h("button", { type: "button", class: "item", dataset: { person: each.address } },
    avatar(each.address, store.nameOf(each.address), each.presence),
    h("span", { class: "item-text" }, h("span", { class: "item-name ellipsis" }, store.nameOf(each.address)),
      h("span", { class: "item-preview ellipsis" }, each.address))))));
}

async function start(whole, name) {
  const conversation = await store.open(whole, name);
  go("chats", conversation.id);
}

/** A bare name is a colleague at one's own server. */
export function complete(text) {
  const domain = store.session.account?.address.split("@")[1];
  return text && domain && !text.includes("@") ? `${localPart(text)}@${domain}` : text;
}

customElements.define("tulou-conversation-list", ConversationList);
