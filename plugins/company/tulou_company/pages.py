"""The page where a person sees what the company's documents say to this app, or that there are none."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from typing import Any

import trio

from tulou import implements
from tulou_contracts.ui import (
    Asset, Contribution, Page, PageFeed, PageMethod, Place, Texts, contribute_ui,
)

from tulou_company.client import CompanyClient
from tulou_company.config import Config
from tulou_company.status import status_of

_BREATH = 1.0
"""Seconds between two looks at what may have changed."""
_WORDS = {
    # key: (zh, en)
    "company.title": ("公司", "Company"),
    "company.intro": (
        "公司通过签名文件设定这个应用。这里列出现在有效的文件。",
        "The company sets this app by signed documents. These are held here."),
    "company.none": (
        "这个应用没有设置公司，按自带的默认规则运行。",
        "No company is set for this app, so its own defaults hold."),
    "company.service": ("服务地址", "Service"),
    "company.unknown": ("还不知道", "not known yet"),
    "company.asked": ("上次询问", "Last asked"),
    "company.never": ("还没有", "never"),
    "company.look": ("立即检查", "Look now"),
    "company.empty": ("没有文件。", "There are no documents."),
    "company.documents": ("有效的文件", "Documents"),
    "company.kind": ("种类", "Kind"),
    "company.version": ("版本", "Version"),
    "company.whose": ("对象", "For"),
    "company.everybody": ("所有人", "everybody"),
    "company.until": ("有效期至", "Valid until"),
    "company.withdrawn": ("已撤回", "withdrawn"),
    "company.over": ("已过期", "ran out"),
    "company.refused": ("被拒绝的文件", "Refused"),
}
_TEXTS = (
    Texts(language="zh", texts={key: zh for key, (zh, _) in _WORDS.items()}),
    Texts(language="en", texts={key: en for key, (_, en) in _WORDS.items()}),
)


class Pages:
    """Contributed to the shell; without it nothing of this is asked for."""

    def __init__(self, client: CompanyClient, config: Config) -> None:
        self._client = client
        self._config = config

    @implements(contribute_ui)
    def contribute_ui(self) -> Sequence[Contribution]:
        """The page, what it calls and listens to, and its words."""
        return [
            Page(name="company", title="company.title", icon=Asset("tulou_company", "company.svg"),
                 place=Place.SETTINGS, order=320, module=Asset("tulou_company", "company.js")),
            PageMethod(name="company.look", handler=self.look),
            PageFeed(name="company.state", source=self.states),
            *_TEXTS,
        ]

    async def states(self, parameters: Mapping[str, Any]) -> AsyncGenerator[dict[str, Any], None]:
        """How things stand, now and when it is otherwise."""
        told: dict[str, Any] | None = None
        while True:
            view = self._view()
            if view != told:
                told = view
                yield view
            await trio.sleep(_BREATH)

    def _view(self) -> dict[str, Any]:
        view = status_of(self._client, self._config)
        now = self._client.time()
        for each in view["documents"]:
            each["over"] = each["valid_until"] <= now
        return view

    async def look(self, parameters: Mapping[str, Any]) -> dict[str, Any]:
        """Ask the service now. Raises what `Company.refresh` raises."""
        await self._client.look()
        return self._view()
