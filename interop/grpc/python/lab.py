"""One scenario's topics, groups and clients of the gRPC client."""

import os
import queue
import time

from rocketmq import (ClientConfiguration, ConsumeResult, Credentials, FilterExpression, Message, MessageListener, Producer,
                      PushConsumer, SimpleConsumer, TransactionChecker)

SUCCESS, FAILURE = ConsumeResult.SUCCESS, ConsumeResult.FAILURE

POLL = 5  # seconds that an empty receive waits: a proxy makes a shorter poll this long
HIDDEN = 30  # seconds that a received message stays invisible where it does not matter


def equal(what, want, got):
    if want != got:
        raise AssertionError("%s: want %r, got %r" % (what, want, got))


def within(what, low, high, got):
    if not low <= got <= high:
        raise AssertionError("%s: want %s to %s, got %s" % (what, low, high, got))


def refused(want, call):
    """The call must fail with this code of the protocol, or one of these, or, where the package shows none, with this text."""
    try:
        got = call()
    except Exception as e:
        code = getattr(e, "code", None)
        if isinstance(want, str):
            equal("%r is in the error %r" % (want, str(e)), True, want in str(e))
        elif isinstance(want, tuple):
            equal("code %s of %r is one of %s" % (code, e, want), True, code in want)
        else:
            equal("code of %r" % e, want, code)
        return
    raise AssertionError("want a refusal with %s, got %r" % (want, got))


def numbered(prefix, count):
    return ["%s-%04d" % (prefix, i) for i in range(count)]


def message(topic, body, group=None, at=None, tag=None, **properties):
    made = Message()
    made.topic = topic
    made.body = body.encode()
    if group:
        made.message_group = group
    if at:
        made.delivery_timestamp = at
    if tag:
        made.tag = tag
    for key, value in properties.items():
        made.add_property(key, value)
    return made


def bodies(messages):
    return [m.body.decode() for m in messages]


class Decider(TransactionChecker):
    """Answers what decide(message) says and keeps the messages that it was asked about."""

    def __init__(self, decide):
        self._decide = decide
        self.asked = queue.Queue()

    def check(self, message):
        self.asked.put(message)
        return self._decide(message)


class Inbox(MessageListener):
    """A push consumer's messages in the order of their arrival; decide(message) is the verdict on each."""

    def __init__(self, decide):
        self._decide = decide
        self._messages = queue.Queue()

    def consume(self, message):
        verdict = self._decide(message)
        self._messages.put((message, time.time()))
        return verdict

    def one(self, seconds=60):
        """The next message and when it came."""
        try:
            return self._messages.get(timeout=seconds)
        except queue.Empty:
            raise AssertionError("no message in %s s" % seconds) from None

    def take(self, count, seconds=60):
        end = time.monotonic() + seconds
        return [self.one(max(0.01, end - time.monotonic()))[0] for _ in range(count)]


class Lab:
    """Names carry the run and the scenario, so scenarios never meet; close() shuts the clients down."""

    def __init__(self, driver, name):
        self.driver = driver
        self.name = name
        self._clients = []

    def unique(self, kind):
        return "python5-%s-%s-%s" % (os.environ["INTEROP_RUN"], self.name, kind)

    def topic(self, kind="NORMAL", queues=4, name="topic"):
        topic = self.unique(name)
        self.driver.ask("topic %s %d %s" % (topic, queues, kind))
        return topic

    def group(self, *options):
        group = self.unique("group")
        self.driver.ask(" ".join(["group", group, *options]))
        return group

    def _configuration(self):
        return ClientConfiguration(os.environ["INTEROP_GRPC"], Credentials(), request_timeout=10)

    def _started(self, client):
        client.startup()
        self._clients.append(client)
        return client

    def producer(self, topic, checker=None):
        return self._started(Producer(self._configuration(), [topic], checker=checker))

    def simple(self, topic, group, expression=None):
        """A started consumer. Its settings are on their way when the package says that it runs, and a receive that overtakes them is
        an error, on Apache as well."""
        consumer = self._started(SimpleConsumer(self._configuration(), group, {topic: expression or FilterExpression()}, await_duration=POLL))
        equal("settings are settled", True, consumer._init_settings_event.wait(20))
        return consumer

    def push(self, topic, group, decide=lambda message: SUCCESS, expression=None):
        inbox = Inbox(decide)
        self._started(PushConsumer(self._configuration(), group, inbox, {topic: expression or FilterExpression()}))
        return inbox

    def close(self):
        for client in reversed(self._clients):
            client.shutdown()


def hold(consumer, count, seconds=60, most=32, hidden=HIDDEN, done=lambda message: None):
    """Receives until count messages are there; more are an error. They are not acknowledged, unless done does it."""
    got, end = [], time.monotonic() + seconds
    while len(got) < count:
        if time.monotonic() > end:
            raise AssertionError("%d of %d messages in %s s: %s" % (len(got), count, seconds, bodies(got)))
        more = consumer.receive(most, hidden)
        within("messages in one answer", 0, most, len(more))
        for m in more:
            done(m)
        got += more
    equal("messages", count, len(got))
    return got


def take(consumer, count, **options):
    """Receives and acknowledges count messages."""
    return hold(consumer, count, done=consumer.ack, **options)


def nothing(consumer):
    """No message comes in one poll."""
    equal("messages", [], bodies(consumer.receive(32, HIDDEN)))


def send_all(producer, topic, texts):
    return [producer.send(message(topic, text)) for text in texts]
