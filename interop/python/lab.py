"""One scenario's topics, groups and clients of the C++ based package."""

import collections
import os
import queue
import time

from rocketmq.client import Message, MessageModel, Producer, PushConsumer, SendStatus, dll, ffi_check

SUCCESS, LATER = 0, 1  # what a consume callback returns to the library

Received = collections.namedtuple("Received", "topic body tags keys id queue_id times born size mine")


def received(message):
    """Copies a message, which the library frees after the callback."""
    return Received(message.topic, message.body.decode(), message.tags, message.keys, message.id, message.queue_id,
                    message.reconsume_times, message.born_timestamp, message.store_size, message.get_property("mine"))


def equal(what, want, got):
    if want != got:
        raise AssertionError("%s: want %r, got %r" % (what, want, got))


def numbered(prefix, count):
    return ["%s-%04d" % (prefix, i) for i in range(count)]


class Inbox:
    """Where a consumer's messages arrive, in the order in which its callback saw them."""

    def __init__(self):
        self._messages = queue.Queue()

    def put(self, message):
        self._messages.put(received(message))

    def one(self, seconds=40):
        try:
            return self._messages.get(timeout=seconds)
        except queue.Empty:
            raise AssertionError("no message in %s s" % seconds) from None

    def take(self, count, seconds=40):
        end = time.monotonic() + seconds
        return [self.one(max(0.01, end - time.monotonic())) for _ in range(count)]

    def expect(self, texts, seconds=40):
        equal("received", sorted(texts), sorted(m.body for m in self.take(len(texts), seconds)))

    def nothing(self, seconds):
        try:
            got = self._messages.get(timeout=seconds)
        except queue.Empty:
            return
        raise AssertionError("unexpected message %r" % (got,))


class Lab:
    """Names carry the run and the scenario, so scenarios never meet; close() shuts the clients down."""

    def __init__(self, driver, name):
        self.driver = driver
        self.name = name
        self.namesrv = os.environ["INTEROP_NAMESRV"]
        self._clients = []
        self._count = 0

    def unique(self, kind):
        return "python-%s-%s-%s" % (os.environ["INTEROP_RUN"], self.name, kind)

    def differs(self, difference, ours, seen):
        """Shows what a server does where internal/differences/differences.txt says under the name that RocketMQ does
        otherwise: the test compares it with ours, and with what RocketMQ is recorded to do."""
        self.driver.say("DIFFERS %s\t%s\t%s" % (difference, ours, seen))

    def topic(self, queues):
        topic = self.unique("topic")
        self.driver.ask("topic %s %d" % (topic, queues))
        return topic

    def group(self, kind="group"):
        group = self.unique(kind)
        self.driver.ask("group %s" % group)
        return group

    def _instance(self):
        self._count += 1
        return ("%s-%d" % (self.unique("client"), self._count)).encode()

    def producer(self):
        producer = Producer(self.unique("producer"), timeout=10_000)
        producer.set_namesrv_addr(self.namesrv)
        ffi_check(dll.SetProducerInstanceName(producer._handle, self._instance()))
        producer.start()
        self._clients.append(producer)
        return producer

    def consumer(self, topic, group, decide, expression="*", orderly=False, model=MessageModel.CLUSTERING):
        """A started consumer; decide(message) returns SUCCESS or LATER. (The package's own subscribe cannot say LATER: it
        raises inside the callback, which ctypes turns into SUCCESS.)"""
        consumer = PushConsumer(group, orderly=orderly, message_model=model)
        consumer.set_namesrv_addr(self.namesrv)
        ffi_check(dll.SetPushConsumerInstanceName(consumer._handle, self._instance()))
        consumer.set_thread_count(2)
        consumer.subscribe(topic, lambda message: None, expression)
        from rocketmq.client import RecvMessage
        consumer._register_callback(lambda _, handle: decide(RecvMessage(handle)))
        consumer.start()
        self._clients.append(consumer)
        return consumer

    def consume(self, topic, group, **options):
        inbox = Inbox()

        def keep(message):
            inbox.put(message)
            return SUCCESS

        self.consumer(topic, group, keep, **options)
        return inbox

    def shutdown(self, client):
        self._clients.remove(client)
        client.shutdown()

    def close(self):
        for client in reversed(self._clients):
            client.shutdown()


def message(topic, body, tag="all"):
    made = Message(topic)
    made.set_tags(tag)
    made.set_body(body)
    return made


def stored(result):
    equal("send status", SendStatus.OK, result.status)
    return result


def send_all(producer, topic, texts):
    for text in texts:
        stored(producer.send_sync(message(topic, text)))
