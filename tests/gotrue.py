"""A scripted auth server: GoTrue's protocol over HTTP, with what the local one lacks and the faults a test may need.

    with GoTrue(confirms=True) as server:
        server.fail_next("/token", 429)

Tokens are signed with ES256 and published keys, as Supabase's are; second factors are real TOTP. Mail is
kept in `mails`. It stores nothing on disk and is nobody's security: passwords are compared as they are.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import struct
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple, Self
from urllib.parse import parse_qsl, urlencode, urlsplit
from uuid import uuid4

import jwt
from cryptography.hazmat.primitives.asymmetric import ec

__all__ = ["GoTrue", "Mail", "SigningKey", "totp"]

KEY = "sb_publishable_scripted"
# With this version, which the client asks for, an error's body holds its code as `code`, and its text as `message`.
API_VERSION = "2024-01-01"
MAIL_PAUSE = "For security purposes, you can only request this after 58 seconds."
CAPTCHA = ("/signup", "/token", "/otp", "/recover", "/resend")
PICTURE = "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 9 9'><path d='M0 0h4v4H0zM5 5h4v4H5z'/></svg>"


def totp(secret: str, at: float | None = None) -> str:
    """The code an authenticator app shows."""
    moment = struct.pack(">Q", int((at or time.time()) // 30))
    digest = hmac.new(base64.b32decode(secret), moment, hashlib.sha1).digest()
    offset = digest[-1] & 15
    return f"{(struct.unpack('>I', digest[offset : offset + 4])[0] & 0x7FFFFFFF) % 1_000_000:06d}"


class Mail(NamedTuple):
    """A mail that a real server would have sent."""

    to: str
    kind: str
    token_hash: str
    code: str


class SigningKey:
    """A key pair: the private half signs, the public half is published."""

    def __init__(self) -> None:
        self.kid = uuid4().hex
        self.private = ec.generate_private_key(ec.SECP256R1())

    @property
    def published(self) -> dict[str, Any]:
        public: str = jwt.algorithms.ECAlgorithm.to_jwk(self.private.public_key())
        return {**json.loads(public), "kid": self.kid, "alg": "ES256", "use": "sig"}

    def sign(self, claims: Mapping[str, Any]) -> str:
        return jwt.encode(dict(claims), self.private, algorithm="ES256", headers={"kid": self.kid})


@dataclass
class AuthUser:
    """Somebody with an account."""

    email: str
    password: str | None
    confirmed: bool
    id: str = field(default_factory=lambda: str(uuid4()))
    mailed_at: float = float("-inf")
    secret: str = ""
    factor: dict[str, Any] | None = None
    new_email: str = ""
    other_factors: list[dict[str, Any]] = field(default_factory=list)  # what another app of the project has set up

    @property
    def protected(self) -> bool:
        return self.factor is not None and self.factor["status"] == "verified"

    def shown(self) -> dict[str, Any]:
        person: dict[str, Any] = {"id": self.id, "aud": "authenticated", "role": "authenticated", "email": self.email}
        person |= {"app_metadata": {}, "user_metadata": {}, "created_at": "2026-01-01T00:00:00Z"}
        return person | {"factors": [*self.other_factors, *([self.factor] if self.factor else [])]}


class Refusal(Exception):
    """An answer that is a no."""

    def __init__(self, status: int, code: str | None, **more: Any) -> None:
        super().__init__(code)
        self.status, self.code = status, code
        self.words = more.pop("msg", "the server's own words")
        self.more = more

    def body(self, version: str | None) -> dict[str, Any]:
        """Return what is sent to a client that asks for this version of the protocol."""
        if version == API_VERSION:
            return {"code": self.code, "message": self.words, **self.more}
        return {"code": self.status, "error_code": self.code, "msg": self.words, **self.more}


class GoTrue(ThreadingHTTPServer):
    """One auth server on a loopback port; every setting may be changed while it runs."""

    daemon_threads = False

    def __init__(self, *, confirms: bool = False, providers: tuple[str, ...] = ()) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.confirms, self.providers, self.sign_up_open = confirms, providers, True
        self.wants_nonce = self.wants_current_password = False
        self.captcha = False
        self.seconds_between_mails = 0  # to the same person; Supabase waits 60
        self.lifetime = 3600
        self.keys = [SigningKey()]
        self.published_too: list[dict[str, Any]] = []
        self.issuer = f"{self.url}/auth/v1"
        self.people: dict[str, AuthUser] = {}
        self.mails: list[Mail] = []
        self.asked: list[str] = []
        self.sessions: dict[str, dict[str, Any]] = {}  # a refresh token, and what the next token says
        self.hold: Callable[[str], None] = lambda _path: None
        self._codes: dict[str, dict[str, str]] = {}
        self._ended: set[str] = set()  # sessions that were signed out
        self._faults: dict[str, deque[Refusal]] = {}
        self._thread = threading.Thread(target=self.serve_forever, args=(0.02,), name="gotrue")

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def fail_next(self, path: str, status: int, code: str | None = "scripted", times: int = 1, **more: Any) -> None:
        """Answer the next requests to this path with a refusal."""
        self._faults.setdefault(path, deque()).extend(Refusal(status, code, **more) for _ in range(times))

    def forgive(self) -> None:
        """Play no more faults."""
        self._faults.clear()

    def rotate(self) -> None:
        """Sign with a new key from now on, and publish it alone."""
        self.keys = [SigningKey()]

    def count(self, path: str) -> int:
        """How often this was asked for."""
        return sum(asked == path for asked in self.asked)

    def claims(self, person: AuthUser, **other: Any) -> dict[str, Any]:
        """What a token of this person says."""
        now = int(time.time())
        said: dict[str, Any] = {"iss": self.issuer, "aud": "authenticated", "sub": person.id, "role": "authenticated"}
        said |= {"iat": now, "exp": now + self.lifetime, "email": person.email, "aal": "aal1"}
        return said | {"session_id": str(uuid4())} | other

    def session(self, person: AuthUser, **other: Any) -> dict[str, Any]:
        """A session as the server gives it out."""
        refresh = uuid4().hex
        claims = self.claims(person, **other)
        self.sessions[refresh] = {name: claims[name] for name in ("sub", "aal", "session_id")}
        token = self.keys[-1].sign(claims)
        answer = {"access_token": token, "refresh_token": refresh, "token_type": "bearer"}
        return answer | {"expires_in": self.lifetime, "user": person.shown()}

    def answer(self, method: str, path: str, query: dict[str, str], body: dict[str, Any], token: str) -> Any:
        """What a request gets; raises `Refusal`."""
        self.asked.append(path)
        self.hold(path)
        if faults := self._faults.get(path):
            raise faults.popleft()
        if self.captcha and path in CAPTCHA and query.get("grant_type") != "refresh_token":
            raise Refusal(400, "captcha_failed")
        if path.startswith("/factors"):
            return self._factors(method, path, body, self._person_of(token))
        name = f"{method.lower()}_{path.strip('/').replace('/', '_').replace('.', '_').replace('-', '_')}"
        handler: Callable[[dict[str, str], dict[str, Any], str], Any] | None = getattr(self, f"_{name}", None)
        if handler is None:
            raise Refusal(404, "not_found")
        return handler(query, body, token)

    # -- what is open to all ---------------------------------------------------------------------

    def _get_health(self, *_: Any) -> Any:
        return {"name": "GoTrue"}

    def _get_settings(self, *_: Any) -> Any:
        external = {"email": True, "google": False, "github": False} | dict.fromkeys(self.providers, True)
        return {
            "external": external,
            "disable_signup": not self.sign_up_open,
            "mailer_autoconfirm": not self.confirms,
        }

    def _get__well_known_openid_configuration(self, *_: Any) -> Any:
        return {"issuer": self.issuer}

    def _get__well_known_jwks_json(self, *_: Any) -> Any:
        return {"keys": [*(key.published for key in self.keys), *self.published_too]}

    def _post_signup(self, _query: Any, body: dict[str, Any], _token: str) -> Any:
        if not self.sign_up_open:
            raise Refusal(422, "signup_disabled")
        self._check_password(body["password"])
        if (known := self.people.get(body["email"])) is not None:
            if not known.confirmed:
                self._mail(known.email, "signup")
                return known.shown()
            if self.confirms:  # it does not tell who has an account
                return AuthUser(body["email"], None, False).shown()
            raise Refusal(422, "user_already_exists")
        person = self.people[body["email"]] = AuthUser(body["email"], body["password"], not self.confirms)
        if not self.confirms:
            return self.session(person)
        self._mail(person.email, "signup")
        return person.shown()

    def _post_token(self, query: dict[str, str], body: dict[str, Any], _token: str) -> Any:
        if query["grant_type"] == "refresh_token":
            said = self.sessions.pop(body["refresh_token"], {})
            person = self._by_id(said.pop("sub", ""))
            if person is None:
                raise Refusal(400, "refresh_token_not_found")
            return self.session(person, **said)
        if query["grant_type"] == "pkce":
            known = self._codes.pop(body["auth_code"], {})
            made = base64.urlsafe_b64encode(hashlib.sha256(body["code_verifier"].encode()).digest()).rstrip(b"=")
            if not known:
                raise Refusal(404, "flow_state_not_found")
            if known["challenge"] != made.decode():
                raise Refusal(400, "bad_code_verifier")
            return self.session(self.people[known["email"]])
        if "email" not in body:
            raise Refusal(400, "validation_failed", msg="missing email or phone")
        found = self.people.get(body["email"])
        if found is None or found.password != body["password"]:
            raise Refusal(400, "invalid_credentials")
        if not found.confirmed:
            raise Refusal(400, "email_not_confirmed")
        return self.session(found)

    def _post_resend(self, _query: Any, body: dict[str, Any], _token: str) -> Any:
        person = self.people.get(body["email"])
        if person is not None and not person.confirmed:
            self._mail(person.email, body["type"])
        return {}

    def _post_recover(self, _query: Any, body: dict[str, Any], _token: str) -> Any:
        if body["email"] in self.people:
            self._mail(body["email"], "recovery")
        return {}

    def _post_otp(self, _query: Any, body: dict[str, Any], _token: str) -> Any:
        person = self.people.get(body["email"])
        if person is None:
            raise Refusal(422, "otp_disabled")
        self._mail(person.email, "magiclink" if person.confirmed else "signup")
        return {}

    def _post_verify(self, _query: Any, body: dict[str, Any], _token: str) -> Any:
        for mail in self.mails:
            by_link = mail.token_hash == body.get("token_hash")
            by_code = (mail.to, mail.code) == (body.get("email"), body.get("token"))
            kinds = ("signup", "magiclink") if body["type"] == "email" else (body["type"],)
            if (by_link or by_code) and mail.kind in kinds:
                self.mails.remove(mail)
                person = next(each for each in self.people.values() if mail.to in (each.email, each.new_email))
                person.confirmed = True
                if mail.kind == "email_change":
                    both = (person.email, person.new_email)
                    if any(each.kind == mail.kind and each.to in both for each in self.mails):
                        return {"msg": "Confirmation link accepted. Confirm the other one, too.", "code": "200"}
                    self.people[person.new_email] = self.people.pop(person.email)
                    person.email, person.new_email = person.new_email, ""
                return self.session(person)
        raise Refusal(403, "otp_expired")

    def _get_authorize(self, query: dict[str, str], _body: Any, _token: str) -> Any:
        """The other site says yes at once, and sends the browser back."""
        code = uuid4().hex
        email = f"{query['provider']}@example.com"
        self.people.setdefault(email, AuthUser(email, None, True))
        self._codes[code] = {"challenge": query["code_challenge"], "email": email}
        return f"{query['redirect_to']}?{urlencode({'code': code})}"

    # -- what needs a token ----------------------------------------------------------------------

    def _get_user(self, _query: Any, _body: Any, token: str) -> Any:
        return self._person_of(token).shown()

    def _put_user(self, _query: Any, body: dict[str, Any], token: str) -> Any:
        person = self._person_of(token)
        if person.protected and _said(token)["aal"] != "aal2":
            raise Refusal(401, "insufficient_aal")
        if "password" in body:
            if self.wants_current_password and body.get("current_password") != person.password:
                missing = "current_password" not in body
                raise Refusal(400, "current_password_required" if missing else "current_password_invalid")
            if self.wants_nonce and body.get("nonce") not in [mail.code for mail in self.mails]:
                raise Refusal(400, "reauthentication_not_valid" if body.get("nonce") else "reauthentication_needed")
            self._check_password(body["password"])
            if body["password"] == person.password:
                raise Refusal(422, "same_password")
            person.password = body["password"]
        if "email" in body:
            if body["email"] in self.people:
                raise Refusal(422, "email_exists")
            person.new_email = body["email"]
            person.mailed_at = float("-inf")
            for address in (person.email, person.new_email):
                self._mail(address, "email_change")
        return person.shown()

    def _get_reauthenticate(self, _query: Any, _body: Any, token: str) -> Any:
        self._mail(self._person_of(token).email, "reauthentication")
        return {}

    def _post_logout(self, query: dict[str, str], _body: Any, token: str) -> Any:
        person = self._person_of(token)
        here = _said(token)["session_id"]
        for refresh, said in list(self.sessions.items()):
            ends = {"local": said["session_id"] == here, "others": said["session_id"] != here}.get(query["scope"], True)
            if said["sub"] == person.id and ends:
                del self.sessions[refresh]
                self._ended.add(said["session_id"])
        return None

    def _factors(self, method: str, path: str, body: dict[str, Any], person: AuthUser) -> Any:
        _, _, *parts = path.split("/")
        if parts and (person.factor is None or person.factor["id"] != parts[0]):
            raise Refusal(404, "mfa_factor_not_found")
        if method == "DELETE":
            person.factor = None
            return {"id": parts[0]}
        if not parts:
            if body.get("factor_type") != "totp":
                raise Refusal(400, "validation_failed")
            person.secret = base64.b32encode(uuid4().bytes[:10]).decode()
            person.factor = {"id": str(uuid4()), "factor_type": "totp", "status": "unverified"}
            person.factor |= {"created_at": "2026-01-01T00:00:00Z", "updated_at": "2026-01-01T00:00:00Z"}
            shown = {"qr_code": PICTURE, "secret": person.secret, "uri": f"otpauth://totp/x?secret={person.secret}"}
            return {"id": person.factor["id"], "type": "totp", "friendly_name": "", "totp": shown}
        if parts[1] == "challenge":
            return {"id": str(uuid4()), "type": "totp", "expires_at": int(time.time()) + 300}
        now = time.time()
        if person.factor is None or body["code"] not in (totp(person.secret, now), totp(person.secret, now - 30)):
            raise Refusal(422, "mfa_verification_failed")
        person.factor["status"] = "verified"
        return self.session(person, aal="aal2")

    def _person_of(self, token: str) -> AuthUser:
        for key in self.keys:
            try:
                claims = jwt.decode(token, key.private.public_key(), ["ES256"], audience="authenticated")
            except jwt.PyJWTError:
                continue
            if claims["session_id"] in self._ended:
                raise Refusal(403, "session_not_found")
            if found := self._by_id(claims["sub"]):
                return found
            raise Refusal(403, "user_not_found")
        raise Refusal(403, "bad_jwt")

    def _by_id(self, person_id: str) -> AuthUser | None:
        return next((person for person in self.people.values() if person.id == person_id), None)

    def _check_password(self, password: str) -> None:
        if len(password) < 8:
            raise Refusal(422, "weak_password", weak_password={"reasons": ["length"]})

    def _mail(self, to: str, kind: str) -> None:
        person = self.people.get(to)
        if person is not None:
            if time.monotonic() < person.mailed_at + self.seconds_between_mails:
                raise Refusal(429, "over_email_send_rate_limit", msg=MAIL_PAUSE)
            person.mailed_at = time.monotonic()
        self.mails[:] = [mail for mail in self.mails if (mail.to, mail.kind) != (to, kind)]
        self.mails.append(Mail(to, kind, uuid4().hex, f"{uuid4().int % 1_000_000:06d}"))

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.shutdown()
        self._thread.join()
        self.server_close()


def _said(token: str) -> dict[str, Any]:
    """What a token says that was checked before."""
    claims: dict[str, Any] = jwt.decode(token, options={"verify_signature": False})
    return claims


class _Handler(BaseHTTPRequestHandler):
    server: GoTrue

    def _serve(self) -> None:
        parts = urlsplit(self.path)
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        token = self.headers.get("Authorization", "").removeprefix("Bearer ")
        path = parts.path.removeprefix("/auth/v1")
        try:
            told = json.loads(body) if body else {}
            answer = self.server.answer(self.command, path, dict(parse_qsl(parts.query)), told, token)
        except Refusal as refusal:
            version = self.headers.get("X-Supabase-Api-Version")
            self._send(refusal.status, refusal.body(version), version)
            return
        if isinstance(answer, str):
            self.send_response(302)
            self.send_header("Location", answer)
            self.end_headers()
            return
        self._send(204 if answer is None else 200, answer)

    do_GET = do_POST = do_PUT = do_DELETE = _serve

    def _send(self, status: int, value: Any, version: str | None = None) -> None:
        content = b"" if value is None else json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.send_header("Content-Type", "application/json")
        if version is not None:
            self.send_header("X-Supabase-Api-Version", version)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: Any) -> None:
        """Log nothing."""
