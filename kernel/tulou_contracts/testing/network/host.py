"""Conformance of `HttpHost` and `Site`."""

from __future__ import annotations

from tulou_contracts.testing.network.host_access import AccessConformance
from tulou_contracts.testing.network.host_assets import AssetsConformance
from tulou_contracts.testing.network.host_life import SiteLifeConformance
from tulou_contracts.testing.network.host_routes import RoutesConformance
from tulou_contracts.testing.network.host_sockets import SocketsConformance


class HttpHostConformance(
    RoutesConformance, AccessConformance, SocketsConformance, AssetsConformance, SiteLifeConformance
):
    """`HttpHost` and `Site`: routes, sockets, assets, and who may come in."""
