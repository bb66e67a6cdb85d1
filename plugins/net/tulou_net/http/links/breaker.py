"""Leaves a host alone that only fails, so that it can recover and nobody waits for it in vain."""

from __future__ import annotations

import trio

from tulou_contracts.network import (
    CircuitOpen, ConnectionLost, HttpRequest, HttpResponse, Proceed, Unreachable,
)

from tulou_net.http.links.circuit import Circuit, State
from tulou_net.http.links.per_origin import PerOrigin
from tulou_net.http.origin import origin_of

_FAILURES = frozenset({502, 503, 504})


class Breaker:
    """A circuit for each origin."""

    name = "breaker"

    def __init__(self, most: int, rest: float) -> None:
        self._most = most
        self._circuits = PerOrigin(lambda: Circuit(most, rest))

    def reset(self) -> None:
        """Ask everybody again: the network is another one."""
        self._circuits.clear()

    async def exchange(self, request: HttpRequest, proceed: Proceed) -> HttpResponse:
        """Proceed, unless the circuit is open. Raises `CircuitOpen`."""
        if not self._most:
            return await proceed(request)
        origin = origin_of(request.url)
        circuit = self._circuits.of(origin)
        if circuit.state is not State.CLOSED:
            wait = circuit.admit(trio.current_time())
            if wait:
                raise CircuitOpen(
                    f"{origin} failed {self._most} times in a row and is left alone;"
                    f" try again in {max(1, round(wait))} seconds"
                )
        deadline = trio.current_effective_deadline()  # once cancelled, it is not known any more
        try:
            response = await proceed(request)
        except (Unreachable, ConnectionLost):
            circuit.failed(trio.current_time())
            raise
        except trio.Cancelled:
            now = trio.current_time()
            if deadline <= now:
                circuit.failed(now)  # the time was up: it did not answer
            else:
                circuit.forget()
            raise
        except BaseException:
            circuit.forget()
            raise
        if response.status in _FAILURES:
            circuit.failed(trio.current_time())
        else:
            circuit.succeeded()
        return response
