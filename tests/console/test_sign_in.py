"""Signing in: who gets in, and what a stolen or planted cookie is worth."""

from datetime import timedelta

import pytest

from relay.api.keys import SERVICES
from relay.console.sessions import COOKIE
from relay.store.database import Database
from tests.console.conftest import Opening
from tests.console.visitors import PASSWORD, Visitor

PAGES = [
    "/console/", "/console/shipments", "/console/lists/stuck", "/console/labels",
    "/console/carriers", "/console/vtex", "/console/audit", "/console/settings",
    "/console/live",
]  # fmt: skip


@pytest.mark.parametrize("path", PAGES)
async def test_without_signing_in_a_page_leads_to_the_form(
    visitor: Visitor, path: str
) -> None:
    page = await visitor.get(path)
    assert (page.status, page.path) == (200, "/console/sign-in")


async def test_what_is_no_page_is_refused(visitor: Visitor) -> None:
    answer = await visitor.client.get("/console/live")
    assert answer.status == 401
    answer = await visitor.client.post("/console/labels", data={"orderId": "1"})
    assert answer.status == 401


async def test_name_and_password_let_a_person_in_and_signing_out_ends_it(
    visitor: Visitor,
) -> None:
    page = await visitor.sign_in()
    assert (page.status, page.path) == (200, "/console/")
    secret = cookie(visitor)
    page = await visitor.post("/console/sign-out", {"csrf": page.csrf})
    assert page.path == "/console/sign-in"
    # The cookie is worth nothing even where it was copied to.
    page = await visitor.get("/console/", Cookie=f"{COOKIE}={secret}")
    assert page.path == "/console/sign-in"


@pytest.mark.parametrize(
    ("name", "password"),
    [("maria", "wrong"), ("mallory", PASSWORD), ("", ""), ("maria", "ü" * 500)],
)
async def test_a_wrong_name_and_a_wrong_password_are_told_alike(
    visitor: Visitor, name: str, password: str
) -> None:
    page = await visitor.sign_in(name, password)
    assert page.status == 401
    assert "Nome" in page.text or "incorretos" in page.text


async def test_trying_passwords_becomes_slow_for_the_name_and_the_address(
    visitor: Visitor,
) -> None:
    for _ in range(5):
        assert (await visitor.sign_in(password="guess")).status == 401
    page = await visitor.sign_in()
    assert page.status == 429
    visitor.clock.advance(timedelta(minutes=1))
    assert (await visitor.sign_in()).path == "/console/"


async def test_the_id_of_a_session_is_new_after_signing_in(visitor: Visitor) -> None:
    await visitor.sign_in()
    planted = cookie(visitor)
    await visitor.sign_in("vera")
    assert cookie(visitor) != planted
    visitor.client.session.cookie_jar.clear()
    page = await visitor.get("/console/", Cookie=f"{COOKIE}={planted}")
    assert page.path == "/console/sign-in"


async def test_a_cookie_is_for_this_site_only_and_no_script_reads_it(
    visitor: Visitor,
) -> None:
    answer = await visitor.client.post(
        "/console/sign-in",
        data={"name": "maria", "password": PASSWORD},
        headers={"X-Forwarded-Proto": "https"},
        allow_redirects=False,
    )
    given = answer.headers["Set-Cookie"]
    assert {"HttpOnly", "SameSite=Lax", "Secure", "Path=/console"} <= {
        part.strip() for part in given.split(";")
    }


async def test_the_database_holds_no_cookie(maria: Visitor, database: Database) -> None:
    async with database.reading() as tx:
        rows = await tx.rows("console_session", session=cookie(maria), now=0)
    assert rows == []


async def test_a_session_ends_by_time(maria: Visitor) -> None:
    maria.clock.advance(timedelta(hours=12, seconds=1))
    assert (await maria.get("/console/")).path == "/console/sign-in"


async def test_a_password_is_not_sent_in_clear_over_a_network(
    visitor: Visitor,
) -> None:
    form = {"name": "maria", "password": PASSWORD}
    page = await visitor.post("/console/sign-in", form, Host="relay.example.com")
    assert page.status == 403
    assert "HTTPS" in page.text


async def test_a_sign_in_that_another_site_sends_is_refused(visitor: Visitor) -> None:
    form = {"name": "maria", "password": PASSWORD}
    for headers in ({"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://evil.test"}):
        page = await visitor.post("/console/sign-in", form, **headers)
        assert page.status == 403


async def test_without_people_the_form_says_how_to_add_one(opening: Opening) -> None:
    visitor = await opening(users={})
    assert "relay users add" in (await visitor.get("/console/sign-in")).text


async def test_a_person_who_was_removed_is_out_at_once(maria: Visitor) -> None:
    app = maria.client.app
    assert app is not None
    services = app[SERVICES]
    left = {n: u for n, u in services.context.settings.users.items() if n != "maria"}
    services.reload(services.context.settings.model_copy(update={"users": left}))
    assert (await maria.get("/console/")).path == "/console/sign-in"


class TestProxy:
    """A reverse proxy that signs people in."""

    async def test_it_names_the_person(self, opening: Opening) -> None:
        visitor = await opening(console=PROXY)
        page = await visitor.get("/console/", **{"X-Forwarded-User": "vera"})
        assert page.path == "/console/"
        assert "vera" in page.text

    async def test_another_address_is_not_believed(self, opening: Opening) -> None:
        elsewhere = PROXY | {"trusted_proxies": ["192.0.2.1"]}
        visitor = await opening(console=elsewhere)
        page = await visitor.get("/console/", **{"X-Forwarded-User": "vera"})
        assert page.path == "/console/sign-in"

    async def test_a_name_without_settings_is_refused(self, opening: Opening) -> None:
        visitor = await opening(console=PROXY)
        page = await visitor.get("/console/", **{"X-Forwarded-User": "mallory"})
        assert page.status == 403
        assert "not a user" in page.text


PROXY = {"trusted_header": "X-Forwarded-User", "trusted_proxies": ["127.0.0.1"]}


async def test_the_console_can_be_turned_off(opening: Opening) -> None:
    visitor = await opening(console={"enabled": False})
    answer = await visitor.client.get("/console/")
    assert answer.status == 404


async def test_the_short_address_leads_to_the_first_page(maria: Visitor) -> None:
    assert (await maria.get("/console")).path == "/console/"


@pytest.mark.parametrize(
    ("languages", "expected"),
    [("es-AR,es;q=0.9", "Entrar"), ("en", "Sign in"), ("de, fr", "Entrar")],
)
async def test_the_form_is_in_the_browsers_language(
    visitor: Visitor, languages: str, expected: str
) -> None:
    page = await visitor.get("/console/sign-in", **{"Accept-Language": languages})
    assert f"<h1>{expected}</h1>" in page.html


def cookie(visitor: Visitor) -> str:
    """Return the secret in the visitor's cookie."""
    jar = visitor.client.session.cookie_jar
    return next(c.value for c in jar if c.key == COOKIE)
