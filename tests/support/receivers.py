"""Real receivers of alerts on the loopback: an SMTP server, and an HTTP server."""

import asyncio
import base64
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestServer


@dataclass
class Mailbox:
    """An SMTP server: what it received, and what it refuses.

    With *tls* it offers STARTTLS; with *password* it wants `relay` to sign in.
    """

    tls: ssl.SSLContext | None = None
    password: str | None = None
    refuses: bool = False
    port: int = 0
    mails: list[EmailMessage] = field(default_factory=list)
    recipients: list[str] = field(default_factory=list)
    secured: bool = False
    signed_in: bool = False

    async def serve(self, reader: Any, writer: asyncio.StreamWriter) -> None:
        """Hold one dialogue, up to QUIT or a lost connection."""
        self.secured = self.signed_in = False
        try:
            await self._dialogue(reader, writer)
        except ConnectionError:
            pass
        finally:
            writer.close()

    async def _dialogue(self, reader: Any, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 here\r\n")
        while line := (await reader.readline()).decode().strip():
            verb, _, rest = line.partition(" ")
            if verb.upper() == "STARTTLS":
                writer.write(b"220 go ahead\r\n")
                await writer.drain()
                await writer.start_tls(self.tls)  # type: ignore[arg-type]
                self.secured = True
                continue
            if verb.upper() == "DATA":
                writer.write(b"354 go ahead\r\n")
                self._store(await reader.readuntil(b"\r\n.\r\n"))
            writer.write(self._answer(verb.upper(), rest) + b"\r\n")
            if verb.upper() == "QUIT":
                return

    def _answer(self, verb: str, rest: str) -> bytes:
        match verb:
            case "EHLO":
                offered = [b"250-here"]
                offered += [b"250-STARTTLS"] if self.tls and not self.secured else []
                offered += [b"250-AUTH PLAIN"] if self.password else []
                return b"\r\n".join([*offered, b"250 8BITMIME"])
            case "AUTH":
                given = base64.b64decode(rest.partition(" ")[2]).split(b"\0")
                self.signed_in = given[1:] == [b"relay", self.password.encode()]  # type: ignore[union-attr]
                return b"235 fine" if self.signed_in else b"535 wrong"
            case "MAIL" if self.refuses or (self.password and not self.signed_in):
                return b"451 not now"
            case "RCPT":
                self.recipients.append(rest.removeprefix("TO:<").removesuffix(">"))
        return b"221 bye" if verb == "QUIT" else b"250 ok"

    def _store(self, content: bytes) -> None:
        mail = message_from_bytes(content[:-3], policy=policy.default)
        assert isinstance(mail, EmailMessage)
        self.mails.append(mail)


@asynccontextmanager
async def mailbox(
    encrypted: ssl.SSLContext | None = None, **how: Any
) -> AsyncIterator[Mailbox]:
    """Serve SMTP on a port of the loopback, *encrypted* from the beginning or not."""
    box = Mailbox(**how)
    server = await asyncio.start_server(box.serve, "127.0.0.1", 0, ssl=encrypted)
    box.port = server.sockets[0].getsockname()[1]
    async with server:
        yield box


@dataclass
class Chat:
    """An HTTP server: the bodies that were posted, and the calls by GET."""

    url: str = ""
    posted: list[dict[str, Any]] = field(default_factory=list)
    gets: int = 0
    status: int = 200

    async def receive(self, request: web.Request) -> web.Response:
        """Take one call."""
        if request.method == "POST" and self.status < 300:
            self.posted.append(await request.json())
        self.gets += request.method == "GET"
        return web.Response(status=self.status)


@asynccontextmanager
async def chat() -> AsyncIterator[Chat]:
    """Serve HTTP on a port of the loopback."""
    received = Chat()
    app = web.Application()
    app.router.add_route("*", "/hook/secret-of-the-chat", received.receive)
    async with TestServer(app) as server:
        received.url = str(server.make_url("/hook/secret-of-the-chat"))
        yield received
