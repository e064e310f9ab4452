"""The conversation with the Go test that started this program, one line each way."""

import itertools
import queue
import sys
import threading


class Driver:
    """Prints PLAN, PASS, FAIL and ASK lines and hands each ANSWER to whoever asked; safe to use from many threads."""

    def __init__(self):
        self._lock = threading.Lock()
        self._ids = itertools.count(1)
        self._waiting = {}
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self):
        for line in sys.stdin:
            _, ident, text = line.rstrip("\n").split(" ", 2)
            self._waiting.pop(ident).put(text)

    def say(self, line):
        with self._lock:
            print(line.replace("\n", " "), flush=True)

    def ask(self, question):
        """Waits for the answer; anything but "ok" is an error."""
        answer = queue.Queue()
        ident = str(next(self._ids))
        self._waiting[ident] = answer
        self.say("ASK %s %s" % (ident, question))
        text = answer.get(timeout=120)
        if text != "ok":
            raise AssertionError("%s: %s" % (question, text))
