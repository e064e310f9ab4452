package interop;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.apache.rocketmq.client.ClientConfig;
import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;
import org.apache.rocketmq.client.consumer.listener.ConsumeConcurrentlyStatus;
import org.apache.rocketmq.client.consumer.listener.MessageListenerConcurrently;
import org.apache.rocketmq.client.exception.MQBrokerException;
import org.apache.rocketmq.client.exception.MQClientException;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.client.producer.SendResult;
import org.apache.rocketmq.common.consumer.ConsumeFromWhere;
import org.apache.rocketmq.common.message.Message;
import org.apache.rocketmq.common.message.MessageQueue;
import org.apache.rocketmq.remoting.protocol.ResponseCode;
import org.apache.rocketmq.remoting.protocol.admin.ConsumeStats;
import org.apache.rocketmq.tools.admin.DefaultMQAdminExt;

/**
 * Sends and consumes what the commands are to look at, and waits until it can be seen. Clients are named after their group, so that their ids are the
 * same in each run; those that stay do so until the process ends.
 */
final class Stage {
    private static final int SECONDS = 60;

    private final String namesrv;
    private final String broker;
    private final DefaultMQAdminExt admin;
    private final DefaultMQProducer sender;
    private final List<DefaultMQProducer> producers = new ArrayList<>();
    private final List<DefaultMQPushConsumer> consumers = new ArrayList<>();

    Stage(String namesrv, String broker) throws Exception {
        this.namesrv = namesrv;
        this.broker = broker;
        System.setProperty("rocketmq.namesrv.addr", namesrv);
        admin = configure(new DefaultMQAdminExt(10_000), "watcher");
        admin.start();
        sender = producer("senders");
    }

    private <C extends ClientConfig> C configure(C client, String instance) {
        client.setNamesrvAddr(namesrv);
        client.setClientIP("127.0.0.1");
        client.setInstanceName(instance);
        client.setPollNameServerInterval(1000);
        client.setHeartbeatBrokerInterval(1000);
        client.setVipChannelEnabled(false);
        return client;
    }

    private DefaultMQProducer producer(String group) throws MQClientException {
        DefaultMQProducer producer = configure(new DefaultMQProducer(group), group);
        producer.setSendMsgTimeout(10_000);
        producer.start();
        return producer;
    }

    /** Does what the words say and returns the ids that came of it by name. */
    Map<String, String> play(String[] words) throws Exception {
        switch (words[0]) {
            case "send":
                return send(words[1], words[2], Integer.parseInt(words[3]), words[4], words[5]);
            case "trace":
                return trace(words[1], words[2]);
            case "produce":
                produce(words[1], words[2]);
                break;
            case "consume":
                consumers.add(consumer(words[1], words[2], words[3], (messages, context) -> ConsumeConcurrentlyStatus.CONSUME_SUCCESS));
                break;
            case "drain":
                drain(words[1], words[2], Integer.parseInt(words[3]));
                break;
            case "fail":
                fail(words[1], words[2]);
                break;
            case "await":
                await(words);
                break;
            default:
                throw new IllegalArgumentException("nobody knows how to " + words[0]);
        }
        return Map.of();
    }

    /** A message with its name as key, in that queue; "-" is no tag. */
    private Map<String, String> send(String name, String topic, int queue, String tag, String body) throws Exception {
        Message message = new Message(topic, tag.equals("-") ? null : tag, name, body.getBytes(StandardCharsets.UTF_8));
        SendResult sent = sender.send(message, new MessageQueue(topic, "broker-a", queue));
        return Map.of(name, sent.getMsgId(), name + ".offset", sent.getOffsetMsgId());
    }

    /** A message that is traced; waits for the trace. */
    private Map<String, String> trace(String name, String topic) throws Exception {
        DefaultMQProducer producer = configure(new DefaultMQProducer("tracers", true, null), "tracers");
        producer.start();
        producers.add(producer);
        SendResult sent = producer.send(new Message(topic, null, name, name.getBytes(StandardCharsets.UTF_8)), new MessageQueue(topic, "broker-a", 0));
        awaitFound("RMQ_SYS_TRACE_TOPIC", sent.getMsgId());
        return Map.of(name, sent.getMsgId());
    }

    private void awaitFound(String topic, String key) {
        eventually(key + " in " + topic, () -> !admin.queryMessage(topic, key, 1, 0, Long.MAX_VALUE).getMessageList().isEmpty());
    }

    /** A producer that stays and has sent one message. */
    private void produce(String group, String topic) throws Exception {
        DefaultMQProducer producer = producer(group);
        producers.add(producer);
        producer.send(new Message(topic, group.getBytes(StandardCharsets.UTF_8)), new MessageQueue(topic, "broker-a", 0));
        eventually("producers " + group, () -> !admin.examineProducerConnectionInfo(group, topic).getConnectionSet().isEmpty());
    }

    private DefaultMQPushConsumer consumer(String group, String topic, String tags, MessageListenerConcurrently listener) throws Exception {
        DefaultMQPushConsumer consumer = configure(new DefaultMQPushConsumer(group), group);
        consumer.setConsumeFromWhere(ConsumeFromWhere.CONSUME_FROM_FIRST_OFFSET);
        consumer.setMaxReconsumeTimes(0);
        consumer.subscribe(topic, tags);
        consumer.registerMessageListener(listener);
        consumer.start();
        return consumer;
    }

    /** A consumer that goes when it has had so many messages. */
    private void drain(String group, String topic, int count) throws Exception {
        CountDownLatch latch = new CountDownLatch(count);
        DefaultMQPushConsumer consumer = consumer(group, topic, "*", (messages, context) -> {
            messages.forEach(m -> latch.countDown());
            return ConsumeConcurrentlyStatus.CONSUME_SUCCESS;
        });
        if (!latch.await(SECONDS, TimeUnit.SECONDS)) {
            throw new AssertionError(group + " misses " + latch.getCount() + " messages of " + topic);
        }
        leave(consumer, group, topic);
    }

    /** A consumer that fails, and goes when there is a dead letter. */
    private void fail(String group, String topic) throws Exception {
        DefaultMQPushConsumer consumer = consumer(group, topic, "*", (messages, context) -> ConsumeConcurrentlyStatus.RECONSUME_LATER);
        eventually("a dead letter of " + group, () -> admin.examineTopicStats(broker, "%DLQ%" + group).getOffsetTable().values().stream()
            .anyMatch(o -> o.getMaxOffset() > 0));
        leave(consumer, group, topic);
    }

    private void leave(DefaultMQPushConsumer consumer, String group, String topic) {
        consumers.add(consumer);
        awaitConsumed(group, topic);
        consumers.remove(consumer);
        consumer.shutdown();
        eventually(group + " offline", () -> {
            try {
                admin.examineConsumerConnectionInfo(group);
                return false;
            } catch (MQBrokerException e) {
                return e.getResponseCode() == ResponseCode.CONSUMER_NOT_ONLINE;
            }
        });
    }

    private void await(String[] words) {
        String name = words[2];
        switch (words[1]) {
            case "route":
                eventually("a route of " + name, () -> admin.examineTopicRouteInfo(name) != null);
                break;
            case "noroute":
                eventually("no route of " + name, () -> {
                    try {
                        admin.examineTopicRouteInfo(name);
                        return false;
                    } catch (MQClientException e) {
                        return e.getResponseCode() == ResponseCode.TOPIC_NOT_EXIST;
                    }
                });
                break;
            case "found":
                awaitFound(name, words[3]);
                break;
            case "consumed":
                awaitConsumed(name, words[3]);
                break;
            default:
                throw new IllegalArgumentException("nobody knows how to await " + words[1]);
        }
    }

    private void awaitConsumed(String group, String topic) {
        eventually(group + " has consumed " + topic, () -> {
            for (DefaultMQPushConsumer consumer : consumers) {
                consumer.getDefaultMQPushConsumerImpl().persistConsumerOffset(); // by itself only 10 s after its start
            }
            ConsumeStats stats = admin.examineConsumeStats(group, topic);
            return !stats.getOffsetTable().isEmpty() && stats.computeTotalDiff() == 0;
        });
    }

    /** Looks again every 50 ms until the condition holds; an exception counts as "not yet". */
    private static void eventually(String what, Callable<Boolean> condition) {
        long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(SECONDS);
        String last = "";
        while (System.nanoTime() < end) {
            try {
                if (condition.call()) {
                    return;
                }
            } catch (Exception e) {
                last = ": " + e;
            }
            LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(50));
        }
        throw new AssertionError("not within " + SECONDS + " s: " + what + last);
    }
}
