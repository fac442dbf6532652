"""The app in a process of its own that writes one reply: `python -m tests.app_with_reply PORT USER WORDS`.

It says `half a reply` once the reply has words. The settings are in the environment.
"""

from __future__ import annotations

import sys
import threading

from app import app
from services import services
from tests.chat.conftest import until


def main() -> None:
    """Begin to answer the words, and serve the app until told to end."""
    port, user_id, words = sys.argv[1:]
    running = services()
    asked = running.conversations.say(user_id, None, words)
    running.replies.begin(asked)

    def has_words() -> bool:
        task = running.replies.task_for(user_id, asked.conversation_id)
        return task is not None and task.has_words

    def report() -> None:
        until(has_words, seconds=60)
        print("half a reply", flush=True)

    threading.Thread(target=report, daemon=True).start()
    config = {"server.port": int(port), "server.headless": True, "server.fileWatcherType": "none"}
    app.run(config=config | {"browser.serverAddress": "localhost", "browser.gatherUsageStats": False})


if __name__ == "__main__":
    main()
