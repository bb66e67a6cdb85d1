"""The service locator: typed contract -> provider, checked when registered, cheap when asked."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, Generic, TypeVar

from tulou.errors import NotDeclared, ServiceGone, ServiceMismatch
from tulou.plugin import contract_name

T = TypeVar("T")


class Offer:
    """One provider of one contract."""

    __slots__ = ("provider", "plugin", "rank")

    def __init__(self, provider: Any, plugin: str, rank: int) -> None:
        self.provider = provider
        self.plugin = plugin
        self.rank = rank


class ServiceRegistry:
    """All services of one kernel."""

    def __init__(self) -> None:
        self._offers: dict[type, list[Offer]] = {}
        self._kernel: Offer | None = None
        self._watchers: dict[type, list[Callable[[], None]]] = {}

    def add(self, contract: type, offer: Offer) -> None:
        """Register a provider. Raises `ServiceMismatch` when it does not fulfil the contract."""
        faults = mismatches(contract, offer.provider)
        if faults:
            raise ServiceMismatch(
                f"plugin {offer.plugin!r} offers {type(offer.provider).__name__} as"
                f" {contract_name(contract)}, but {'; '.join(faults)}"
            )
        offers = self._offers.setdefault(contract, [])
        offers.append(offer)
        offers.sort(key=lambda each: -each.rank)
        self._tell(contract)

    def offer_kernel(self, kernel: Any) -> None:
        """The kernel's own service comes first of all. It costs nothing until somebody wants it."""
        self._kernel = Offer(kernel, "kernel", 0)

    def remove(self, contract: type, offer: Offer) -> None:
        """Withdraw a provider."""
        self._offers[contract].remove(offer)
        self._tell(contract)

    def offers(self, contract: type) -> tuple[Offer, ...]:
        """Everybody who provides a contract, highest rank first."""
        return tuple(self._offers.get(contract, ()))

    def top(self, contract: type) -> Offer | None:
        """The highest-ranked provider, or None."""
        offers = self._offers.get(contract)
        if offers:
            return offers[0]
        return self._kernel if contract.__module__ == "tulou.control" else None

    def watch(self, contract: type, callback: Callable[[], None]) -> Callable[[], None]:
        """Call back after every change of a contract's providers; the result ends that."""
        watchers = self._watchers.setdefault(contract, [])
        watchers.append(callback)
        return lambda: watchers.remove(callback)

    def _tell(self, contract: type) -> None:
        for callback in tuple(self._watchers.get(contract, ())):
            callback()

    def contracts(self) -> tuple[type, ...]:
        """Every contract that has a provider now."""
        return tuple(contract for contract, offers in self._offers.items() if offers)


class ServiceView(dict[type, Any]):
    """One plugin's view: contracts its manifest requires, bound on first use.

    `view[contract]` is the look-up itself. Caching a provider is safe because a plugin is stopped
    before any provider that it requires goes away.
    """

    def __init__(
        self, registry: ServiceRegistry, plugin: str, required: frozenset[type],
        wanted: frozenset[type], granted: frozenset[str],
    ) -> None:
        super().__init__()
        self._registry = registry
        self._plugin = plugin
        self._required = required
        self._wanted = wanted
        self._granted = granted

    def __missing__(self, contract: type) -> Any:
        self.check(contract, self._required, "requires")
        offer = self._registry.top(contract)
        if offer is None:
            raise ServiceGone(f"nobody provides {contract_name(contract)} now")
        bound = self[contract] = self.bind(contract, offer)
        return bound

    def bind(self, contract: type, offer: Offer) -> Any:
        """The provider as this plugin may use it."""
        from tulou.grants import guard

        return guard(offer.provider, contract, self._plugin, self._granted)

    def all(self, contract: type) -> tuple[Any, ...]:
        """All providers of a declared contract, highest rank first."""
        self.check(contract, self._required | self._wanted, "requires")
        return tuple(self.bind(contract, offer) for offer in self._registry.offers(contract))

    def check(self, contract: type, declared: frozenset[type], label: str) -> None:
        """Raises `NotDeclared` for a contract that the manifest does not name."""
        if contract not in declared:
            raise NotDeclared(
                f"plugin {self._plugin!r} asks for {contract_name(contract)} without declaring it:"
                f" add it to `{label}` in its manifest"
            )

    def want(self, contract: type) -> Wanted[Any]:
        """A handle on a wanted contract."""
        self.check(contract, self._wanted, "wants")
        return Wanted(contract, self._registry, self.bind)


class Wanted(Generic[T]):
    """A service that may come and go. Ask each time it is needed; do not keep what `get` returns."""

    def __init__(
        self, contract: type[T], registry: ServiceRegistry, bind: Callable[[type, Offer], T]
    ) -> None:
        self._contract = contract
        self._registry = registry
        self._bind = bind
        self._last: tuple[Offer, T] | None = None
        self._last_owner = ""

    def get(self) -> T | None:
        """The provider now, or None."""
        offer = self._registry.top(self._contract)
        if offer is None:
            self._last = None
            return None
        if self._last is None or self._last[0] is not offer:
            self._last = (offer, self._bind(self._contract, offer))
            self._last_owner = offer.plugin
        return self._last[1]

    def require(self) -> T:
        """The provider now. Raises `ServiceGone` naming who provided it, if anybody did."""
        provider = self.get()
        if provider is None:
            past = f"; plugin {self._last_owner!r}, which did, is not running" if self._last_owner else ""
            raise ServiceGone(f"nobody provides {contract_name(self._contract)} now{past}")
        return provider

    def watch(self, callback: Callable[[], None]) -> Callable[[], None]:
        """Call back whenever the provider may be another one; the result ends that."""
        return self._registry.watch(self._contract, callback)

    def __bool__(self) -> bool:
        return self._registry.top(self._contract) is not None


def mismatches(contract: type, provider: object) -> list[str]:
    """What keeps an object from fulfilling a contract, in words; empty when nothing does."""
    faults = []
    for name, expected in _members(contract).items():
        actual = inspect.getattr_static(provider, name, _MISSING)
        if actual is _MISSING and not hasattr(provider, name):
            faults.append(f"it has no {name!r}")
        elif inspect.isfunction(expected):
            faults.extend(_method_faults(name, expected, getattr(provider, name)))
    if not getattr(contract, "_is_protocol", False) and not isinstance(provider, contract):
        faults.append(f"it is not a {contract.__qualname__}")
    return faults


_MISSING = object()
_MEMBERS: dict[type, dict[str, Any]] = {}


def _members(contract: type) -> dict[str, Any]:
    """Public members of a Protocol: name -> function, property or annotation."""
    known = _MEMBERS.get(contract)
    if known is None:
        known = {}
        for klass in reversed(contract.__mro__):
            if klass is not object and klass.__module__ != "typing":
                for name in (*inspect.get_annotations(klass), *vars(klass)):
                    if not name.startswith("_"):
                        known[name] = vars(klass).get(name)
        if getattr(contract, "_is_protocol", False):
            _MEMBERS[contract] = known
        else:
            known = {}
    return known


def _method_faults(name: str, expected: Callable[..., Any], actual: Any) -> list[str]:
    if not callable(actual):
        return [f"its {name!r} is not callable"]
    if inspect.iscoroutinefunction(expected) and inspect.isfunction(getattr(actual, "__func__", actual)) \
            and not inspect.iscoroutinefunction(actual):
        return [f"its {name}() is not async"]
    try:
        offered = inspect.signature(actual).parameters
    except (TypeError, ValueError):
        return []
    if any(each.kind is each.VAR_KEYWORD for each in offered.values()):
        return []
    wanted = list(inspect.signature(expected).parameters)[1:]
    lacking = [each for each in wanted if each not in offered]
    return [f"its {name}() lacks the parameter {', '.join(map(repr, lacking))}"] if lacking else []
