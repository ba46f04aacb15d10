"""Python's keyring library asks keyfob first, and then whatever it would have asked without it.

`keyfob setup python` wrote this file and named it in keyringrc.cfg; `keyfob unsetup python` takes both away. Tokens are read
through keyfob's keyring command. Nothing is kept through it: keyfob add does that, hidden.
"""

import json
import subprocess

from keyring import backend, credentials, errors
from keyring.backends import chainer

PROGRAM = "@PROGRAM@"


class Keyring(backend.KeyringBackend):
    """keyfob, and behind it the keyrings that this machine had before."""

    priority = 9.95

    def get_credential(self, service, username):
        found = _ask(service, username)
        if found is not None:
            return credentials.SimpleCredential(*found)
        return _first(lambda other: other.get_credential(service, username))

    def get_password(self, service, username):
        found = _ask(service, username)
        if found is not None:
            return found[1]
        return _first(lambda other: other.get_password(service, username))

    def set_password(self, service, username, password):
        for other in _others():
            try:
                return other.set_password(service, username, password)
            except NotImplementedError:
                pass
        raise errors.PasswordSetError("no keyring here keeps passwords; for a token: keyfob add URL")

    def delete_password(self, service, username):
        for other in _others():
            try:
                return other.delete_password(service, username)
            except NotImplementedError:
                pass
        raise errors.PasswordDeleteError("no keyring here keeps passwords; for a token: keyfob remove URL")


def _ask(service, username):
    """User name and token, or None."""
    words = [PROGRAM, "keyring", "--mode=creds", "--output=json", "get", "--", service]
    words += [username] if username else []
    try:
        done = subprocess.run(
            words,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            # No window of its own on Windows.
            creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
        )
    except (OSError, ValueError):
        # keyfob is gone, or the name is none that a program can be given.
        return None
    if done.returncode != 0:
        return None
    answer = json.loads(done.stdout)
    return answer["username"], answer["password"]


def _others():
    """What would have been asked without keyfob, in that order."""
    others = [
        other
        for other in backend.get_all_keyring()
        if not isinstance(other, (Keyring, chainer.ChainerBackend)) and other.priority > 0
    ]
    return sorted(others, key=backend.by_priority, reverse=True)


def _first(question):
    for other in _others():
        answer = question(other)
        if answer is not None:
            return answer
    return None
