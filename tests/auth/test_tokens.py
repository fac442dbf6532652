"""Tokens: what our auth server signed for us is trusted, and nothing else is, however it is made up."""

from __future__ import annotations

import base64
import hmac
import json
import time
from collections.abc import Callable
from contextlib import closing
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from auth.client import AuthClient
from auth.errors import AuthUnreachable, SessionEnded, UntrustedToken
from auth.tokens import Tokens
from local.stack import LocalStack
from memory.embedded.loopback import free_port
from tests.auth.conftest import PASSWORD
from tests.gotrue import KEY, AuthUser, GoTrue, SigningKey

KIM = AuthUser("kim@example.com", PASSWORD, True)
HOUR = 3600


def _never(_token: str) -> str | None:
    raise AssertionError("the server was asked for a token that it did not sign")


def _by_hand(header: dict[str, Any], claims: dict[str, Any], signature: bytes = b"") -> str:
    parts = [json.dumps(header).encode(), json.dumps(claims).encode(), signature]
    return ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts)


def test_a_token_with_a_good_signature_is_read_without_asking_the_server(gotrue: GoTrue) -> None:
    token = gotrue.keys[0].sign(gotrue.claims(KIM))
    assert Tokens(gotrue.url, KEY).check(token, _never)["sub"] == KIM.id


def test_the_published_keys_are_fetched_once_for_many_tokens(gotrue: GoTrue) -> None:
    tokens = Tokens(gotrue.url, KEY)
    for _ in range(5):
        tokens.check(gotrue.keys[0].sign(gotrue.claims(KIM)), _never)
    assert gotrue.count("/.well-known/jwks.json") == 1


def test_a_rotated_key_works_at_once_and_the_old_one_no_more(gotrue: GoTrue) -> None:
    tokens = Tokens(gotrue.url, KEY)
    old = gotrue.keys[0]
    tokens.check(old.sign(gotrue.claims(KIM)), _never)
    gotrue.rotate()
    assert tokens.check(gotrue.keys[0].sign(gotrue.claims(KIM)), _never)["sub"] == KIM.id
    with pytest.raises(UntrustedToken):
        tokens.check(old.sign(gotrue.claims(KIM)), _never)


def test_a_token_signed_with_an_rsa_key_is_accepted(gotrue: GoTrue) -> None:
    private = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    public = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(private.public_key()))
    gotrue.published_too = [{**public, "kid": "rsa", "alg": "RS256", "use": "sig"}]
    token = jwt.encode(gotrue.claims(KIM), private, algorithm="RS256", headers={"kid": "rsa"})
    assert Tokens(gotrue.url, KEY).check(token, _never)["sub"] == KIM.id


FORGED_CLAIMS: dict[str, dict[str, Any]] = {
    "another audience": {"aud": "anon"},
    "several audiences without ours": {"aud": ["anon", "service"]},
    "no audience": {"aud": None},
    "another issuer": {"iss": "https://evil.example/auth/v1"},
    "the project's address without its path": {"iss": "http://127.0.0.1"},
    "no issuer": {"iss": None},
    "no end": {"exp": None},
    "an end that is no number": {"exp": "never"},
    "nobody": {"sub": None},
    "a person who is a number": {"sub": 5},
}
OF_TOMORROW: dict[str, dict[str, Any]] = {
    "issued tomorrow": {"iat": int(time.time()) + 24 * HOUR},
    "not valid before tomorrow": {"nbf": int(time.time()) + 24 * HOUR},
}


@pytest.mark.parametrize("name", FORGED_CLAIMS)
def test_a_well_signed_token_for_somebody_else_is_refused(gotrue: GoTrue, name: str) -> None:
    claims = {key: value for key, value in gotrue.claims(KIM, **FORGED_CLAIMS[name]).items() if value is not None}
    with pytest.raises(UntrustedToken, match="could not be verified"):
        Tokens(gotrue.url, KEY).check(gotrue.keys[0].sign(claims), _never)


@pytest.mark.parametrize("name", OF_TOMORROW)
def test_a_token_of_tomorrow_is_refused_and_the_clocks_are_named(gotrue: GoTrue, name: str) -> None:
    token = gotrue.keys[0].sign(gotrue.claims(KIM, **OF_TOMORROW[name]))
    with pytest.raises(UntrustedToken, match="The clocks of this app and of the sign-in server differ"):
        Tokens(gotrue.url, KEY).check(token, _never)


def test_an_expired_token_means_that_the_session_ended(gotrue: GoTrue) -> None:
    with pytest.raises(SessionEnded):
        Tokens(gotrue.url, KEY).check(gotrue.keys[0].sign(gotrue.claims(KIM, exp=int(time.time()) - HOUR)), _never)


def _with_none(server: GoTrue) -> str:
    return _by_hand({"alg": "none", "typ": "JWT"}, server.claims(KIM))


def _with_none_in_capitals(server: GoTrue) -> str:
    return _by_hand({"alg": "NONE", "kid": server.keys[0].kid}, server.claims(KIM))


def _without_algorithm(server: GoTrue) -> str:
    return _by_hand({"typ": "JWT", "kid": server.keys[0].kid}, server.claims(KIM))


def _with_the_public_key_as_a_shared_secret(server: GoTrue) -> str:
    head = {"alg": "HS512", "kid": server.keys[0].kid}
    signed = _by_hand(head, server.claims(KIM)).rstrip(".")
    secret = json.dumps(server.keys[0].published).encode()
    signature = base64.urlsafe_b64encode(hmac.digest(secret, signed.encode(), "sha512")).rstrip(b"=").decode()
    return f"{signed}.{signature}"


def _by_another_project(server: GoTrue) -> str:
    return SigningKey().sign(server.claims(KIM))


def _by_another_project_under_our_key_id(server: GoTrue) -> str:
    other = SigningKey()
    other.kid = server.keys[0].kid
    return other.sign(server.claims(KIM))


def _without_key_id(server: GoTrue) -> str:
    return jwt.encode(server.claims(KIM), server.keys[0].private, algorithm="ES256")


def _with_its_own_key_inside(server: GoTrue) -> str:
    own = SigningKey()
    return jwt.encode(server.claims(KIM), own.private, algorithm="ES256", headers={"jwk": own.published})


def _with_another_body(server: GoTrue) -> str:
    head, _, signature = server.keys[0].sign(server.claims(KIM)).split(".")
    body = base64.urlsafe_b64encode(json.dumps(server.claims(KIM, sub="somebody")).encode()).rstrip(b"=").decode()
    return f"{head}.{body}.{signature}"


def _with_a_broken_signature(server: GoTrue) -> str:
    token = server.keys[0].sign(server.claims(KIM))
    return token[:-6] + ("AAAAAA" if token[-6:] != "AAAAAA" else "BBBBBB")


def _with_an_ec_key_called_rsa(server: GoTrue) -> str:
    return _by_hand({"alg": "RS256", "kid": server.keys[0].kid}, server.claims(KIM), b"signature")


FORGERIES: list[Callable[[GoTrue], str]] = [
    _with_none,
    _with_none_in_capitals,
    _without_algorithm,
    _with_the_public_key_as_a_shared_secret,
    _by_another_project,
    _by_another_project_under_our_key_id,
    _without_key_id,
    _with_its_own_key_inside,
    _with_another_body,
    _with_a_broken_signature,
    _with_an_ec_key_called_rsa,
]


@pytest.mark.parametrize("forge", FORGERIES, ids=lambda forge: forge.__name__.strip("_").replace("_", " "))
def test_a_token_that_cannot_be_verified_is_refused(gotrue: GoTrue, forge: Callable[[GoTrue], str]) -> None:
    with pytest.raises(UntrustedToken, match="could not be verified"):
        Tokens(gotrue.url, KEY).check(forge(gotrue), _never)


@pytest.mark.parametrize("token", ["", "x", "a.b.c", "....", "e30.e30.e30", "\x00.\x00.\x00"])
def test_a_malformed_token_is_refused(gotrue: GoTrue, token: str) -> None:
    with pytest.raises(UntrustedToken):
        Tokens(gotrue.url, KEY).check(token, _never)


def test_a_token_signed_with_a_shared_secret_is_checked_by_the_server(gotrue: GoTrue) -> None:
    token = jwt.encode(gotrue.claims(KIM), "a secret that only the server has, and long", algorithm="HS256")
    tokens = Tokens(gotrue.url, KEY)
    assert tokens.check(token, lambda _token: KIM.id)["sub"] == KIM.id
    with pytest.raises(UntrustedToken):
        tokens.check(token, lambda _token: None)
    with pytest.raises(UntrustedToken):
        tokens.check(token, lambda _token: "somebody else")


@pytest.mark.parametrize(
    "other", [{"aud": "anon"}, {"iss": "https://evil.example"}, {"aud": None}, {"exp": None}, {"exp": "x"}]
)
def test_the_servers_check_does_not_replace_the_other_checks(gotrue: GoTrue, other: dict[str, Any]) -> None:
    claims = {key: value for key, value in gotrue.claims(KIM, **other).items() if value is not None}
    token = jwt.encode(claims, "a secret that only the server has, and long", algorithm="HS256")
    with pytest.raises(UntrustedToken):
        Tokens(gotrue.url, KEY).check(token, lambda _token: KIM.id)


def test_keys_that_cannot_be_fetched_do_not_make_a_token_untrusted() -> None:
    nowhere = f"http://127.0.0.1:{free_port()}"
    with pytest.raises(AuthUnreachable, match="is not responding"):
        Tokens(nowhere, KEY).check(SigningKey().sign({"sub": "x"}), _never)


def test_the_real_local_server_checks_its_own_tokens(stack: LocalStack) -> None:
    with closing(AuthClient(stack.settings["SUPABASE_URL"], stack.settings["SUPABASE_KEY"])) as client:
        session = client.sign_up(f"tokens-{time.time_ns()}@example.com", PASSWORD)
        assert session is not None
        client.check(session)
        head, body, _ = session.access_token.split(".")
        forged = jwt.encode(jwt.decode(session.access_token, options={"verify_signature": False}), "guess" * 8)
        for token in (f"{head}.{body}.AAAA", forged):
            with pytest.raises((UntrustedToken, SessionEnded)):
                client.check(type(session)(session.user_id, session.email, 0, token, ""))


def test_a_token_of_somebody_else_signs_nobody_in(gotrue: GoTrue) -> None:
    gotrue.issuer = "https://another-project.supabase.co/auth/v1"
    with closing(AuthClient(gotrue.url, KEY)) as client, pytest.raises(UntrustedToken):
        client.sign_up("kim@example.com", PASSWORD)
