package interop;

import java.util.ArrayList;
import java.util.List;
import java.util.TreeSet;
import java.util.UUID;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.apache.rocketmq.client.consumer.AckResult;
import org.apache.rocketmq.client.consumer.AckStatus;
import org.apache.rocketmq.client.consumer.DefaultMQPullConsumer;
import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;
import org.apache.rocketmq.client.consumer.PopResult;
import org.apache.rocketmq.client.consumer.PopStatus;
import org.apache.rocketmq.client.consumer.PullResult;
import org.apache.rocketmq.client.consumer.PullStatus;
import org.apache.rocketmq.client.consumer.listener.ConsumeConcurrentlyStatus;
import org.apache.rocketmq.client.consumer.listener.MessageListenerConcurrently;
import org.apache.rocketmq.client.impl.ClientRemotingProcessor;
import org.apache.rocketmq.client.impl.mqclient.MQClientAPIExt;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.common.KeyBuilder;
import org.apache.rocketmq.common.message.Message;
import org.apache.rocketmq.common.message.MessageConst;
import org.apache.rocketmq.common.message.MessageExt;
import org.apache.rocketmq.common.message.MessageQueue;
import org.apache.rocketmq.common.message.MessageRequestMode;
import org.apache.rocketmq.remoting.netty.NettyClientConfig;
import org.apache.rocketmq.remoting.protocol.header.AckMessageRequestHeader;
import org.apache.rocketmq.remoting.protocol.header.ChangeInvisibleTimeRequestHeader;
import org.apache.rocketmq.remoting.protocol.header.ExtraInfoUtil;
import org.apache.rocketmq.remoting.protocol.header.NotificationRequestHeader;
import org.apache.rocketmq.remoting.protocol.header.PopMessageRequestHeader;
import org.apache.rocketmq.remoting.protocol.subscription.SubscriptionGroupConfig;

/** Consumers that pop: the push consumer whose queues the broker shares out, and the single requests, as proxies send them. */
final class Popping {
    private static final long RPC = 20_000;

    private Popping() {
    }

    static List<Scenario> scenarios() {
        return List.of(
            new Scenario("pop-push", Popping::push),
            new Scenario("pop-push-retry", Popping::pushRetry),
            new Scenario("pop-push-death", Popping::pushDeath),
            new Scenario("pop-ack", Popping::ack),
            new Scenario("pop-batch-ack", Popping::batchAck),
            new Scenario("pop-retry-topic", Popping::retryTopic),
            new Scenario("pop-invisible", Popping::invisible),
            new Scenario("pop-order", Popping::order),
            new Scenario("pop-wait", Popping::longPoll),
            new Scenario("pop-notification", Popping::notification),
            new Scenario("pop-filter", Popping::filter),
            new Scenario("pop-dead-letter", Popping::deadLetter));
    }

    /** What a client that pops by itself needs, with its own connection. */
    static final class Popper implements AutoCloseable {
        final Lab lab;
        final String topic;
        final String group;
        final String brokerName;
        final MQClientAPIExt api;
        String expression = "*";
        boolean order;
        String attempt;

        Popper(Lab lab, String topic, String group) throws Exception {
            this.lab = lab;
            this.topic = topic;
            this.group = group;
            api = new MQClientAPIExt(lab.configure(new org.apache.rocketmq.client.ClientConfig(), lab.unique("popper")), new NettyClientConfig(),
                new ClientRemotingProcessor(null), null);
            api.start();
            brokerName = lab.cluster.admin().examineTopicRouteInfo(topic).getBrokerDatas().get(0).getBrokerName();
        }

        PopResult pop(int max, long invisibleMillis, long pollMillis) throws Exception {
            PopMessageRequestHeader header = new PopMessageRequestHeader();
            header.setConsumerGroup(group);
            header.setTopic(topic);
            header.setQueueId(-1);
            header.setMaxMsgNums(max);
            header.setInvisibleTime(invisibleMillis);
            header.setPollTime(pollMillis);
            header.setBornTime(System.currentTimeMillis());
            header.setInitMode(0);
            header.setExpType("TAG");
            header.setExp(expression);
            header.setOrder(order);
            header.setAttemptId(attempt);
            return api.popMessageAsync(lab.cluster.broker(), brokerName, header, RPC).get(RPC, TimeUnit.MILLISECONDS);
        }

        /** Pops until so many have come. */
        List<MessageExt> take(int count, long invisibleMillis) throws Exception {
            List<MessageExt> all = new ArrayList<>();
            long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(30);
            while (all.size() < count) {
                Check.that(all.size() + " of " + count + " messages in 30 s", System.nanoTime() < end);
                PopResult result = pop(32, invisibleMillis, 1_000);
                if (result.getPopStatus() == PopStatus.FOUND) {
                    all.addAll(result.getMsgFoundList());
                }
            }
            return all;
        }

        void nothing(long pollMillis) throws Exception {
            PopResult result = pop(32, 60_000, pollMillis);
            if (result.getPopStatus() == PopStatus.FOUND) {
                throw new AssertionError("unexpected messages " + Check.texts(result.getMsgFoundList()));
            }
        }

        static String handle(MessageExt message) {
            return message.getProperty(MessageConst.PROPERTY_POP_CK);
        }

        AckResult ack(MessageExt message) throws Exception {
            String[] handle = ExtraInfoUtil.split(handle(message));
            AckMessageRequestHeader header = new AckMessageRequestHeader();
            header.setConsumerGroup(group);
            header.setTopic(ExtraInfoUtil.getRealTopic(handle, topic, group));
            header.setQueueId(ExtraInfoUtil.getQueueId(handle));
            header.setOffset(ExtraInfoUtil.getQueueOffset(handle));
            header.setExtraInfo(handle(message));
            return api.ackMessageAsync(lab.cluster.broker(), header, RPC).get(RPC, TimeUnit.MILLISECONDS);
        }

        void acked(MessageExt message) throws Exception {
            Check.equal("ack of " + Check.text(message), AckStatus.OK, ack(message).getStatus());
        }

        AckResult invisible(MessageExt message, long millis) throws Exception {
            String[] handle = ExtraInfoUtil.split(handle(message));
            ChangeInvisibleTimeRequestHeader header = new ChangeInvisibleTimeRequestHeader();
            header.setConsumerGroup(group);
            header.setTopic(ExtraInfoUtil.getRealTopic(handle, topic, group));
            header.setQueueId(ExtraInfoUtil.getQueueId(handle));
            header.setOffset(ExtraInfoUtil.getQueueOffset(handle));
            header.setExtraInfo(handle(message));
            header.setInvisibleTime(millis);
            AckResult result = api.changeInvisibleTimeAsync(lab.cluster.broker(), brokerName, header, RPC).get(RPC, TimeUnit.MILLISECONDS);
            Check.equal("change of invisible time", AckStatus.OK, result.getStatus());
            message.getProperties().put(MessageConst.PROPERTY_POP_CK, result.getExtraInfo());
            return result;
        }

        @Override
        public void close() {
            api.shutdown();
        }
    }

    static void pops(Lab lab, String topic, String group) throws Exception {
        lab.cluster.admin().setMessageRequestMode(lab.cluster.broker(), topic, group, MessageRequestMode.POP, 0, RPC);
    }

    static DefaultMQPushConsumer pushConsumer(Lab lab, String topic, String group, String instance) throws Exception {
        pops(lab, topic, group);
        DefaultMQPushConsumer consumer = lab.consumer(group, instance);
        consumer.setClientRebalance(false);
        consumer.subscribe(topic, "*");
        return consumer;
    }

    /** Two members of a group that pops share a topic with a single queue; each message comes once. */
    static void push(Lab lab) throws Exception {
        String topic = lab.topic(1);
        String group = lab.group();
        Inbox inbox = new Inbox();
        for (String instance : List.of(lab.unique("one"), lab.unique("two"))) {
            DefaultMQPushConsumer consumer = pushConsumer(lab, topic, group, instance);
            consumer.registerMessageListener(inbox.concurrently());
            consumer.start();
        }
        List<String> texts = Lab.numbered("m-", 100);
        Lab.sendAll(lab.producer(), topic, texts);
        Check.equal("messages", new TreeSet<>(texts), Check.sorted(inbox.take(100, 40)));
        inbox.nothing(1_500);
        lab.committed(topic, group, 1, 100);
    }

    /** A listener that fails gives the message back; it comes again from the retry topic, under its own topic's name. */
    static void pushRetry(Lab lab) throws Exception {
        String topic = lab.topic(2);
        Inbox inbox = new Inbox();
        DefaultMQPushConsumer consumer = pushConsumer(lab, topic, lab.group(), lab.unique("one"));
        consumer.registerMessageListener(inbox.failing(1, 0));
        consumer.start();
        Lab.sendAll(lab.producer(), topic, List.of("again"));
        Check.equal("reconsumeTimes", 0, inbox.takeOne(30).getReconsumeTimes());
        long failed = System.nanoTime();
        MessageExt second = inbox.takeOne(60);
        Check.equal("reconsumeTimes", 1, second.getReconsumeTimes());
        Check.equal("topic", topic, second.getTopic());
        Check.between("ms until redelivery", 8_000, 30_000, (System.nanoTime() - failed) / 1_000_000);
        inbox.nothing(3_000);
    }

    /** What a consumer has got and never acknowledged comes to another one; its late answer harms nobody. */
    static void pushDeath(Lab lab) throws Exception {
        String topic = lab.topic(1);
        String group = lab.group();
        CountDownLatch got = new CountDownLatch(1);
        CountDownLatch end = new CountDownLatch(1);
        DefaultMQPushConsumer dead = pushConsumer(lab, topic, group, lab.unique("dead"));
        dead.setPopInvisibleTime(5_000);
        dead.registerMessageListener((MessageListenerConcurrently) (batch, context) -> {
            got.countDown();
            try {
                end.await();
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
            return ConsumeConcurrentlyStatus.CONSUME_SUCCESS;
        });
        dead.start();
        Lab.sendAll(lab.producer(), topic, List.of("left behind"));
        Check.that("the first consumer gets the message", got.await(30, TimeUnit.SECONDS));
        dead.suspend();
        Inbox inbox = new Inbox();
        DefaultMQPushConsumer living = pushConsumer(lab, topic, group, lab.unique("living"));
        living.registerMessageListener(inbox.concurrently());
        living.start();
        MessageExt later = inbox.takeOne(90); // the first one, which is not quite dead, may get it more than once before
        Check.equal("message", "left behind", Check.text(later));
        Check.that("reconsumeTimes " + later.getReconsumeTimes(), later.getReconsumeTimes() >= 1);
        end.countDown();
        inbox.nothing(8_000);
    }

    /** What is acknowledged never comes again; what is not comes after its time, and then with one more reconsume time. */
    static void ack(Lab lab) throws Exception {
        String topic = lab.topic(4);
        try (Popper popper = new Popper(lab, topic, lab.group())) {
            List<String> texts = Lab.numbered("m-", 40);
            Lab.sendAll(lab.producer(), topic, texts);
            List<MessageExt> got = popper.take(40, 8_000);
            long popped = System.currentTimeMillis();
            Check.equal("messages", new TreeSet<>(texts), Check.sorted(got));
            TreeSet<String> kept = new TreeSet<>();
            for (MessageExt message : got) {
                if (Check.text(message).endsWith("7")) {
                    kept.add(Check.text(message));
                } else {
                    popper.acked(message);
                }
            }
            popper.nothing(500);
            List<MessageExt> again = popper.take(4, 60_000);
            Check.equal("what was not acknowledged", kept, Check.sorted(again));
            Check.between("ms of being out of sight", 6_000, 30_000, System.currentTimeMillis() - popped);
            for (MessageExt message : again) {
                Check.equal("reconsumeTimes", 1, message.getReconsumeTimes());
                Check.equal("topic", topic, message.getTopic());
                Check.that("first pop time " + message.getProperty("1ST_POP_TIME"), Long.parseLong(message.getProperty("1ST_POP_TIME")) <= popped);
                popper.acked(message);
            }
            for (MessageExt message : got) {
                popper.acked(message); // once more, or too late: no fault
            }
            popper.nothing(1_500);
        }
    }

    /** One request acknowledges what several pops of several queues have brought. */
    static void batchAck(Lab lab) throws Exception {
        String topic = lab.topic(3);
        String group = lab.group();
        try (Popper popper = new Popper(lab, topic, group)) {
            Lab.sendAll(lab.producer(), topic, Lab.numbered("m-", 30));
            List<MessageExt> got = popper.take(30, 6_000);
            List<String> handles = got.subList(0, 29).stream().map(Popper::handle).toList();
            Check.equal("batch", AckStatus.OK, popper.api.batchAckMessageAsync(lab.cluster.broker(), topic, group, handles, RPC)
                .get(RPC, TimeUnit.MILLISECONDS).getStatus());
            List<MessageExt> again = popper.take(1, 6_000);
            Check.equal("what comes again", List.of(Check.text(got.get(29))), Check.texts(again));
            Check.equal("batch of a retry topic", AckStatus.OK, popper.api.batchAckMessageAsync(lab.cluster.broker(), topic, group,
                List.of(Popper.handle(again.get(0))), RPC).get(RPC, TimeUnit.MILLISECONDS).getStatus());
            popper.nothing(8_000);
        }
    }

    /** What comes again has a topic of its own in between, of the older form of name (v1) or, with INTEROP_POP_RETRY=v2, as the server is set, of the newer. */
    static void retryTopic(Lab lab) throws Exception {
        boolean newer = "v2".equals(System.getenv("INTEROP_POP_RETRY"));
        String topic = lab.topic(1);
        String group = lab.group();
        try (Popper popper = new Popper(lab, topic, group)) {
            Lab.sendAll(lab.producer(), topic, List.of("again"));
            Check.equal("reconsumeTimes", 0, popper.take(1, 1_000).get(0).getReconsumeTimes());
            MessageExt again = popper.take(1, 60_000).get(0);
            Check.equal("message", "again 1 " + topic, Check.text(again) + " " + again.getReconsumeTimes() + " " + again.getTopic());
            String name = KeyBuilder.buildPopRetryTopic(topic, group, newer);
            Check.equal("retry topic of the handle", name, ExtraInfoUtil.getRealTopic(ExtraInfoUtil.split(Popper.handle(again)), topic, group));
            Check.equal("retry topic", name, lab.cluster.admin().examineTopicConfig(lab.cluster.broker(), name).getTopicName());
            Check.fails("the other form of name", () -> lab.cluster.admin().examineTopicConfig(lab.cluster.broker(), KeyBuilder.buildPopRetryTopic(topic, group, !newer)));
            popper.acked(again);
            popper.nothing(1_500);
            lab.committed(name, group, 1, 1);
        }
    }

    /** A renewal moves the time, in both directions; the handle that it brings acknowledges. */
    static void invisible(Lab lab) throws Exception {
        String topic = lab.topic(1);
        try (Popper popper = new Popper(lab, topic, lab.group())) {
            Lab.sendAll(lab.producer(), topic, List.of("longer", "sooner"));
            List<MessageExt> got = popper.take(2, 6_000);
            for (MessageExt message : got) {
                popper.invisible(message, Check.text(message).equals("longer") ? 20_000 : 3_000);
            }
            List<MessageExt> again = popper.take(1, 60_000);
            Check.equal("what comes again", List.of("sooner"), Check.texts(again));
            popper.nothing(6_000);
            for (MessageExt message : got) {
                if (Check.text(message).equals("longer")) {
                    popper.acked(message);
                }
            }
            popper.acked(again.get(0));
        }
    }

    /** A batch in order blocks its queue until it is acknowledged; what is not comes again before all others, counted. */
    static void order(Lab lab) throws Exception {
        String topic = lab.topic(1);
        try (Popper popper = new Popper(lab, topic, lab.group())) {
            popper.order = true;
            Lab.sendAll(lab.producer(), topic, Lab.numbered("m-", 6));
            popper.attempt = UUID.randomUUID().toString();
            List<MessageExt> first = popper.pop(2, 5_000, 3_000).getMsgFoundList();
            Check.equal("first batch", List.of("m-0000", "m-0001"), Check.texts(first));
            popper.attempt = UUID.randomUUID().toString();
            popper.nothing(500);
            popper.acked(first.get(0));
            popper.nothing(500);
            List<MessageExt> second = popper.take(1, 60_000);
            Check.equal("then", "m-0001", Check.text(second.get(0)));
            Check.equal("reconsumeTimes", 1, second.get(0).getReconsumeTimes());
            for (MessageExt message : second) {
                popper.acked(message);
            }
            popper.attempt = UUID.randomUUID().toString();
            List<String> rest = new ArrayList<>(Check.texts(second));
            while (rest.size() < 5) {
                for (MessageExt message : popper.take(1, 60_000)) {
                    rest.add(Check.text(message));
                    popper.acked(message);
                }
            }
            Check.equal("in order", Lab.numbered("m-", 6).subList(1, 6), rest);
        }
    }

    /** A pop that waits is answered when a message comes. */
    static void longPoll(Lab lab) throws Exception {
        String topic = lab.topic(4);
        try (Popper popper = new Popper(lab, topic, lab.group())) {
            DefaultMQProducer producer = lab.producer();
            popper.nothing(200);
            long sent = System.nanoTime() + TimeUnit.SECONDS.toNanos(2);
            Thread sender = new Thread(() -> {
                try {
                    TimeUnit.SECONDS.sleep(2);
                    Lab.sendAll(producer, topic, List.of("now"));
                } catch (Exception e) {
                    e.printStackTrace();
                }
            });
            sender.start();
            PopResult result = popper.pop(32, 60_000, 15_000);
            Check.equal("status", PopStatus.FOUND, result.getPopStatus());
            Check.between("ms from the sending on", 0, 3_000, (System.nanoTime() - sent) / 1_000_000);
            sender.join();
            popper.acked(result.getMsgFoundList().get(0));
        }
    }

    /** A notification tells that there is something, and takes nothing. */
    static void notification(Lab lab) throws Exception {
        String topic = lab.topic(2);
        String group = lab.group();
        try (Popper popper = new Popper(lab, topic, group)) {
            popper.nothing(100);
            NotificationRequestHeader header = new NotificationRequestHeader();
            header.setConsumerGroup(group);
            header.setTopic(topic);
            header.setQueueId(-1);
            header.setPollTime(500);
            header.setBornTime(System.currentTimeMillis());
            Check.equal("has a message", false, popper.api.notification(lab.cluster.broker(), header, RPC).get(RPC, TimeUnit.MILLISECONDS));
            Lab.sendAll(lab.producer(), topic, List.of("m"));
            header.setPollTime(10_000);
            header.setBornTime(System.currentTimeMillis());
            Check.equal("has a message", true, popper.api.notification(lab.cluster.broker(), header, RPC).get(RPC, TimeUnit.MILLISECONDS));
            popper.acked(popper.take(1, 60_000).get(0));
        }
    }

    /** Only what the filter wants is handed out. */
    static void filter(Lab lab) throws Exception {
        String topic = lab.topic(1);
        try (Popper popper = new Popper(lab, topic, lab.group())) {
            popper.expression = "b";
            DefaultMQProducer producer = lab.producer();
            for (String tag : List.of("a", "b", "a", "b", "a")) {
                Lab.stored(producer.send(Lab.message(topic, tag, tag)));
            }
            List<MessageExt> got = popper.take(2, 60_000);
            Check.equal("messages", List.of("b", "b"), Check.texts(got));
            for (MessageExt message : got) {
                popper.acked(message);
            }
            popper.nothing(500);
        }
    }

    /** A message that was not acknowledged as often as the group allows is a dead letter. Apache's broker leaves that to others, and hands it out again. */
    static void deadLetter(Lab lab) throws Exception {
        String topic = lab.topic(1);
        SubscriptionGroupConfig config = new SubscriptionGroupConfig();
        config.setGroupName(lab.unique("group"));
        config.setRetryMaxTimes(1);
        lab.cluster.admin().createAndUpdateSubscriptionGroupConfig(lab.cluster.broker(), config);
        try (Popper popper = new Popper(lab, topic, config.getGroupName())) {
            Message poison = Lab.message(topic, "all", "poison");
            Lab.stored(lab.producer().send(poison));
            Check.equal("reconsumeTimes", 0, popper.take(1, 1_000).get(0).getReconsumeTimes());
            Check.equal("reconsumeTimes", 1, popper.take(1, 1_000).get(0).getReconsumeTimes());
            if (lab.cluster.isApache("pop-dead-letter")) {
                lab.cluster.differs("pop-dead-letter", "a dead letter", "popped again, reconsumeTimes " + popper.take(1, 1_000).get(0).getReconsumeTimes());
                return;
            }
            DefaultMQPullConsumer reader = lab.pullConsumer(lab.createGroup(lab.unique("reader")));
            String letters = "%DLQ%" + config.getGroupName();
            Check.eventually("the letter can be pulled", 20, () -> {
                MessageQueue queue = reader.fetchSubscribeMessageQueues(letters).iterator().next();
                PullResult result = reader.pull(queue, "*", 0, 32);
                if (result.getPullStatus() != PullStatus.FOUND) {
                    return false;
                }
                Check.equal("letters", List.of("poison"), Check.texts(result.getMsgFoundList()));
                Check.equal("topic of origin", topic, result.getMsgFoundList().get(0).getProperty("DLQ_ORIGIN_TOPIC"));
                return true;
            });
            popper.nothing(1_500);
            lab.cluster.differs("pop-dead-letter", "a dead letter", "a dead letter");
        }
    }

    /** What was popped before a kill is acknowledged after it, and does not come again. */
    static void acrossKill(Lab lab) throws Exception {
        String topic = lab.topic(2);
        String group = lab.group();
        List<MessageExt> got;
        try (Popper popper = new Popper(lab, topic, group)) {
            Lab.sendAll(lab.producer(), topic, Lab.numbered("m-", 20));
            got = popper.take(20, 15_000);
        }
        lab.cluster.driver().ask("restart");
        try (Popper popper = new Popper(lab, topic, group)) {
            Check.eventually("acknowledgements work again", 60, () -> {
                popper.acked(got.get(0));
                return true;
            });
            for (MessageExt message : got.subList(1, 19)) {
                popper.acked(message);
            }
            Check.equal("what comes again", List.of(Check.text(got.get(19))), Check.texts(popper.take(1, 60_000)));
            popper.nothing(3_000);
        }
    }
}
