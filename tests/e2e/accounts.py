"""Makes accounts of a running app without its pages, for walks that are not about signing up.

An account is made as the pages make it, by the app's own classes: at the auth server, with the consent, and with a
session whose cookie is returned. This module opens no page.
"""

from __future__ import annotations

from contextlib import closing

from auth.client import AuthClient
from auth.cookies import cookie_name
from auth.session import Sessions
from limits.consent import Consents
from local.stack import keys
from memory.database import Database
from memory.embedded.data_folder import DataFolder
from memory.embedded.postgres import Postgres
from tests.e2e.keepsake import PASSWORD, Keepsake

__all__ = ["cookie_of_new_account"]


def cookie_of_new_account(keepsake: Keepsake, email: str) -> tuple[str, str]:
    """Make an account that has agreed to what is stored; return the name and value of its session cookie."""
    folder = DataFolder.at(keepsake.data)
    port = (folder.auth / "port").read_text().strip()
    with closing(AuthClient(f"http://127.0.0.1:{port}", keys(folder).publishable_key)) as auth:
        session = auth.sign_up(email, PASSWORD)
    assert session is not None
    server = Postgres(keepsake.data)
    with closing(Database(server.app_url, server.admin_url)) as database:
        Consents(database).record_consent(session.user_id)
        sessions = Sessions(database)
        cookie = sessions.redeem(sessions.ticket(sessions.open(session, "Chrome on Linux")))
    return cookie_name(keepsake.address), cookie
