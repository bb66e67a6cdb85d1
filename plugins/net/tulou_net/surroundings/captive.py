"""Finds the sign-in page that a hotel's network answers with in the place of others."""

from __future__ import annotations

from urllib.parse import urlsplit

from tulou_contracts.network import CertificateRefused, HttpClient, HttpRequest, NetworkError

PATIENCE = 5.0
"""Seconds for the answer; a network that gives none is slow or cut off, not captive."""


class CaptiveCheck:
    """Asks `url`, which is known to answer 204 with nothing (as systems' own checks do)."""

    def __init__(self, client: HttpClient, url: str) -> None:
        self._client = client
        self._url = url

    async def __call__(self) -> str:
        """What stands in the way, in words; empty: nothing."""
        try:
            answer = await self._client.send(HttpRequest(
                url=self._url, timeout=PATIENCE, headers={"cache-control": "no-cache"},
            ))
        except CertificateRefused as error:
            return str(error)
        except NetworkError:
            return ""
        if answer.status == 204:
            return ""
        place = urlsplit(answer.headers.get("location", "")).hostname
        return f"this network wants a sign-in first at {place}" if place else (
            f"something on the way answered {answer.status} in the place of {urlsplit(self._url).hostname}"
        )
