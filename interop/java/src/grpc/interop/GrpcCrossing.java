package interop;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Collectors;
import org.apache.rocketmq.client.apis.consumer.ConsumeResult;
import org.apache.rocketmq.client.apis.consumer.SimpleConsumer;
import org.apache.rocketmq.client.apis.message.MessageView;
import org.apache.rocketmq.client.apis.producer.Producer;
import org.apache.rocketmq.client.apis.producer.SendReceipt;
import org.apache.rocketmq.client.apis.producer.TransactionResolution;
import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;
import org.apache.rocketmq.client.consumer.MessageSelector;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.client.producer.LocalTransactionState;
import org.apache.rocketmq.client.producer.SendResult;
import org.apache.rocketmq.client.producer.TransactionListener;
import org.apache.rocketmq.client.producer.TransactionMQProducer;
import org.apache.rocketmq.common.compression.CompressionType;
import org.apache.rocketmq.common.message.Message;
import org.apache.rocketmq.common.message.MessageExt;

/** Sent over remoting and received over gRPC, and back. */
final class GrpcCrossing {
    private static final int LATE = 5_000;

    private GrpcCrossing() {
    }

    static List<Scenario> scenarios() {
        return List.of(
            new Scenario("cross-retry", GrpcCrossing::retry),
            new Scenario("cross-dead-letter", GrpcCrossing::deadLetter),
            new Scenario("cross-delay-in", GrpcCrossing::delayIn),
            new Scenario("cross-delay-out", GrpcCrossing::delayOut),
            new Scenario("cross-transaction-in", GrpcCrossing::transactionIn),
            new Scenario("cross-transaction-out", GrpcCrossing::transactionOut),
            new Scenario("cross-properties-in", GrpcCrossing::propertiesIn),
            new Scenario("cross-properties-out", GrpcCrossing::propertiesOut),
            new Scenario("cross-compressed", GrpcCrossing::compressed),
            new Scenario("cross-fifo-in", GrpcCrossing::fifoIn),
            new Scenario("cross-fifo-out", GrpcCrossing::fifoOut),
            new Scenario("cross-filter-out", GrpcCrossing::filterOut),
            new Scenario("cross-batch-in", GrpcCrossing::batchIn));
    }

    static void propertiesIn(Lab lab) throws Exception {
        Sdk sdk = new Sdk(lab);
        String topic = sdk.topic(1, "NORMAL");
        Message sent = new Message(topic, "the-tag", "", 77, "text ü 火".getBytes("UTF-8"), true);
        sent.setKeys(List.of("key-1", "key-2"));
        sent.putUserProperty("plain", "value");
        sent.putUserProperty("unicode", "ü 火 🚀");
        SendResult result = Lab.stored(lab.producer().send(sent));
        SimpleConsumer consumer = sdk.simple(topic, sdk.group());
        MessageView got = Sdk.receiveOne(consumer, 30);
        consumer.ack(got);
        Check.equal("body", "text ü 火", Sdk.text(got));
        Check.equal("tag", "the-tag", got.getTag().orElse(null));
        Check.equal("keys", List.of("key-1", "key-2"), new ArrayList<>(got.getKeys()));
        Check.equal("properties", new TreeMap<>(Map.of("plain", "value", "unicode", "ü 火 🚀")), new TreeMap<>(got.getProperties()));
        Check.equal("id", result.getMsgId(), got.getMessageId().toString());
        Check.equal("attempt", 1, got.getDeliveryAttempt());
        Check.that("born host " + got.getBornHost(), got.getBornHost().contains("127.0.0.1"));
        Check.between("born", System.currentTimeMillis() - 60_000, System.currentTimeMillis(), got.getBornTimestamp());
    }

    static void propertiesOut(Lab lab) throws Exception {
        Sdk sdk = new Sdk(lab);
        String topic = sdk.topic(1, "NORMAL");
        SendReceipt receipt = sdk.producer(topic).send(Sdk.message(topic, "text ü 火").setTag("the-tag").setKeys("key-1", "key-2")
            .addProperty("plain", "value").addProperty("unicode", "ü 火 🚀").build());
        MessageExt got = lab.consume(topic, sdk.group(), Lab.SHARED).takeOne(30);
        Check.equal("body", "text ü 火", Check.text(got));
        Check.equal("tag", "the-tag", got.getTags());
        Check.equal("keys", "key-1 key-2", got.getKeys());
        Check.equal("plain", "value", got.getUserProperty("plain"));
        Check.equal("unicode", "ü 火 🚀", got.getUserProperty("unicode"));
        Check.equal("id", receipt.getMessageId().toString(), got.getMsgId());
        Check.equal("reconsume times", 0, got.getReconsumeTimes());
        Check.between("born", System.currentTimeMillis() - 60_000, System.currentTimeMillis(), got.getBornTimestamp());
        TreeMap<String, String> rest = new TreeMap<>(got.getProperties());
        rest.keySet().removeAll(List.of("TAGS", "KEYS", "plain", "unicode", "UNIQ_KEY", "__CRC32#", "MIN_OFFSET", "MAX_OFFSET", "CONSUME_START_TIME", "__BORNHOST", "CLUSTER", "WAIT", "MSG_REGION", "TRACE_ON"));
        lab.cluster.driver().say("FACT " + lab.unique("").replaceAll("^java-[^-]*-|-$", "") + " properties besides: " + rest.toString().replace(topic, "<topic>"));
    }

    /** Every way in which the remoting client compresses. */
    static void compressed(Lab lab) throws Exception {
        Sdk sdk = new Sdk(lab);
        String topic = sdk.topic(1, "NORMAL");
        SimpleConsumer consumer = sdk.simple(topic, sdk.group());
        String text = "compressible ".repeat(8_000);
        DefaultMQProducer producer = lab.producer();
        for (CompressionType type : List.of(CompressionType.ZLIB, CompressionType.LZ4, CompressionType.ZSTD)) {
            producer.setCompressType(type);
            SendResult result = Lab.stored(producer.send(Lab.message(topic, "all", text)));
            MessageView got = Sdk.receiveOne(consumer, 30);
            consumer.ack(got);
            Check.equal("id of " + type, result.getMsgId(), got.getMessageId().toString());
            Check.that("body of " + type + " is unchanged, not " + got.getBody().remaining() + " bytes", text.equals(Sdk.text(got)));
        }
    }

    /** One group that pops, over gRPC and over remoting in turn: the attempts are counted on. */
    static void retry(Lab lab) throws Exception {
        Sdk sdk = new Sdk(lab);
        String topic = sdk.topic(1, "NORMAL");
        String group = sdk.group();
        Message sent = Lab.message(topic, "tag", "again");
        sent.setKeys("key");
        sent.putUserProperty("name", "value");
        SendResult result = Lab.stored(lab.producer().send(sent));
        SimpleConsumer consumer = sdk.simple(topic, group);
        MessageView first = Sdk.receiveOne(consumer, 30);
        Check.equal("first attempt", 1, first.getDeliveryAttempt());
        consumer.changeInvisibleDuration(first, java.time.Duration.ofSeconds(1));
        MessageView second = Sdk.receiveOne(consumer, 30);
        Check.equal("second attempt", 2, second.getDeliveryAttempt());
        consumer.changeInvisibleDuration(second, java.time.Duration.ofSeconds(2));
        consumer.close();
        Popping.pops(lab, topic, group);
        Inbox inbox = new Inbox();
        DefaultMQPushConsumer popping = Popping.pushConsumer(lab, topic, group, lab.unique("pops"));
        popping.registerMessageListener(inbox.concurrently());
        popping.start();
        MessageExt third = inbox.takeOne(60);
        Check.equal("text, reconsumed, tag, keys, name, id", "again 2 tag key value " + result.getMsgId(), Check.text(third) + " "
            + third.getReconsumeTimes() + " " + third.getTags() + " " + third.getKeys() + " " + third.getUserProperty("name") + " " + third.getMsgId());
        inbox.nothing(1_000);
    }

    /** What died over gRPC is a dead letter for remoting, as it was sent. */
    static void deadLetter(Lab lab) throws Exception {
        Sdk sdk = new Sdk(lab);
        String topic = sdk.topic(1, "NORMAL");
        String group = sdk.group(1, false);
        Sdk.Views views = sdk.push(topic, group, view -> ConsumeResult.FAILURE);
        SendReceipt receipt = sdk.producer(topic).send(Sdk.message(topic, "dying").setTag("tag").setKeys("key").addProperty("name", "value").build());
        views.take(2, 60);
        lab.cluster.driver().ask("dead-letter " + group + " " + topic + " dying");
        MessageExt dead = lab.consume("%DLQ%" + group, lab.createGroup(lab.unique("mourner")), Lab.SHARED).takeOne(40);
        Check.equal("text, tag, keys, name", "dying tag key value",
            Check.text(dead) + " " + dead.getTags() + " " + dead.getKeys() + " " + dead.getUserProperty("name"));
        Check.equal("id", receipt.getMessageId().toString(), dead.getMsgId());
    }

    static void delayIn(Lab lab) throws Exception {
        Sdk sdk = new Sdk(lab);
        String topic = sdk.topic(1, "DELAY");
        Sdk.Views views = sdk.push(topic, sdk.group());
        DefaultMQProducer producer = lab.producer();
        long now = System.currentTimeMillis();
        Message timed = Lab.message(topic, "all", "timed");
        timed.setDeliverTimeMs(now + 3_000);
        Message level = Lab.message(topic, "all", "level");
        level.setDelayTimeLevel(2); // five seconds
        Lab.stored(producer.send(level));
        Lab.stored(producer.send(timed));
        MessageView first = views.takeOne(30);
        Check.equal("first", "timed", Sdk.text(first));
        Check.between("ms late", lab.cluster.isApache("early") ? -1_000 : 0, LATE, views.at(first) - now - 3_000);
        Check.between("delivery time off by", -1_000, 1_000, first.getDeliveryTimestamp().orElse(0L) - now - 3_000);
        MessageView second = views.takeOne(30);
        Check.equal("second", "level", Sdk.text(second));
        Check.between("ms late", 0, LATE, views.at(second) - now - 5_000);
        views.nothing(500);
    }

    static void delayOut(Lab lab) throws Exception {
        Sdk sdk = new Sdk(lab);
        String topic = sdk.topic(1, "DELAY");
        Inbox inbox = lab.consume(topic, sdk.group(), lab.unique("timed"));
        Producer producer = sdk.producer(topic);
        long due = System.currentTimeMillis() + 4_000;
        SendReceipt gone = producer.send(Sdk.message(topic, "gone").setDeliveryTimestamp(due).build());
        SendReceipt receipt = producer.send(Sdk.message(topic, "timed").setTag("tag").addProperty("name", "value").setDeliveryTimestamp(due).build());
        Check.equal("recalled", gone.getMessageId().toString(), lab.producer().recallMessage(topic, gone.getRecallHandle()));
        MessageExt got = inbox.takeOne(30);
        Check.between("ms late", lab.cluster.isApache("early") ? -1_000 : 0, LATE, System.currentTimeMillis() - due);
        Check.equal("text, tag, name, id", "timed tag value " + receipt.getMessageId(),
            Check.text(got) + " " + got.getTags() + " " + got.getUserProperty("name") + " " + got.getMsgId());
        inbox.nothing(1_500);
    }

    private static List<String> ofGroup(int group, int count) {
        return Lab.numbered(group + ":", count);
    }

    /** Remoting names the message group as sharding key and chooses the queue. */
    static void fifoIn(Lab lab) throws Exception {
        Sdk sdk = new Sdk(lab);
        String topic = sdk.topic(4, "FIFO");
        Sdk.Views views = sdk.push(topic, sdk.group(16, true));
        DefaultMQProducer producer = lab.producer();
        for (int i = 0; i < 20; i++) {
            for (int group = 0; group < 3; group++) {
                Message message = Lab.message(topic, "all", ofGroup(group, 20).get(i));
                message.putUserProperty("name", "value");
                org.apache.rocketmq.common.message.MessageAccessor.putProperty(message, "__SHARDINGKEY", "group-" + group);
                Lab.stored(producer.send(message, (queues, m, key) -> queues.get((Integer) key), group));
            }
        }
        List<MessageView> got = views.take(60, 60);
        GrpcOrdering.inOrder(got, 3, 20);
        Check.equal("properties", Map.of("name", "value", "__SHARDINGKEY", got.get(0).getMessageGroup().get()), got.get(0).getProperties());
    }

    /** One message group is in one queue, in its order. */
    static void fifoOut(Lab lab) throws Exception {
        Sdk sdk = new Sdk(lab);
        String topic = sdk.topic(4, "FIFO");
        GrpcOrdering.send(sdk.producer(topic), topic, 3, 20);
        Inbox inbox = new Inbox();
        DefaultMQPushConsumer consumer = lab.consumer(sdk.group(), lab.unique("orderly"));
        consumer.subscribe(topic, "*");
        consumer.registerMessageListener(inbox.orderly());
        consumer.start();
        Map<String, List<MessageExt>> byGroup = inbox.take(60, 60).stream().collect(Collectors.groupingBy(m -> m.getProperty("__SHARDINGKEY")));
        for (int group = 0; group < 3; group++) {
            List<MessageExt> got = byGroup.get("group-" + group);
            Check.equal("order of group " + group, ofGroup(group, 20), Check.texts(got));
            Check.equal("queues of group " + group, 1L, got.stream().map(MessageExt::getQueueId).distinct().count());
        }
    }

    static void filterOut(Lab lab) throws Exception {
        Sdk sdk = new Sdk(lab);
        String topic = sdk.topic(2, "NORMAL");
        Inbox byTag = new Inbox();
        DefaultMQPushConsumer tagged = lab.consumer(sdk.group(), lab.unique("tagged"));
        tagged.subscribe(topic, "red || blue");
        tagged.registerMessageListener(byTag.concurrently());
        tagged.start();
        Inbox bySql = new Inbox();
        DefaultMQPushConsumer priced = lab.consumer(lab.createGroup(lab.unique("sql")), lab.unique("priced"));
        priced.subscribe(topic, MessageSelector.bySql("price > 2 AND TAGS <> 'blue'"));
        priced.registerMessageListener(bySql.concurrently());
        priced.start();
        Producer producer = sdk.producer(topic);
        String[] tags = {"red", "green", "blue", "green", "red"};
        for (int price = 0; price < tags.length; price++) {
            producer.send(Sdk.message(topic, tags[price] + price).setTag(tags[price]).addProperty("price", "" + price).build());
        }
        Check.equal("by tag", List.of("blue2", "red0", "red4"), List.copyOf(Check.sorted(byTag.take(3, 30))));
        Check.equal("by expression", List.of("green3", "red4"), List.copyOf(Check.sorted(bySql.take(2, 30))));
        byTag.nothing(300);
        bySql.nothing(300);
    }

    /** A batch of remoting is single messages over gRPC. */
    static void batchIn(Lab lab) throws Exception {
        Sdk sdk = new Sdk(lab);
        String topic = sdk.topic(1, "NORMAL");
        List<String> texts = Lab.numbered("batch-", 10);
        SendResult result = Lab.stored(lab.producer().send(texts.stream().map(text -> Lab.message(topic, "all", text)).toList()));
        SimpleConsumer consumer = sdk.simple(topic, sdk.group());
        List<MessageView> got = Sdk.receive(consumer, 10, 30);
        Check.equal("texts", texts, Sdk.texts(got));
        Check.equal("ids", result.getMsgId(), got.stream().map(view -> view.getMessageId().toString()).collect(Collectors.joining(",")));
        for (MessageView view : got) {
            consumer.ack(view);
        }
    }

    static void transactionIn(Lab lab) throws Exception {
        Sdk sdk = new Sdk(lab);
        String topic = sdk.topic(1, "TRANSACTION");
        Sdk.Views views = sdk.push(topic, sdk.group());
        TransactionMQProducer producer = new TransactionMQProducer(lab.unique("producer"));
        producer.setTransactionListener(new TransactionListener() {
            @Override
            public LocalTransactionState executeLocalTransaction(Message message, Object argument) {
                return said(new String(message.getBody()));
            }

            @Override
            public LocalTransactionState checkLocalTransaction(MessageExt message) {
                return said(Check.text(message).substring("ask-".length()));
            }
        });
        lab.start(producer, lab.unique("transacting"));
        for (String text : List.of("rollback", "commit", "ask-rollback", "ask-commit")) {
            producer.sendMessageInTransaction(Lab.message(topic, "all", text), null);
        }
        Check.equal("committed", List.of("ask-commit", "commit"), List.copyOf(Sdk.sorted(views.take(2, 40))));
        views.nothing(1_000);
    }

    private static LocalTransactionState said(String text) {
        return text.startsWith("ask") ? LocalTransactionState.UNKNOW
            : text.equals("commit") ? LocalTransactionState.COMMIT_MESSAGE : LocalTransactionState.ROLLBACK_MESSAGE;
    }

    static void transactionOut(Lab lab) throws Exception {
        Sdk sdk = new Sdk(lab);
        String topic = sdk.topic(1, "TRANSACTION");
        Inbox inbox = lab.consume(topic, sdk.group(), lab.unique("consumer"));
        Producer producer = sdk.producer(view -> Sdk.text(view).equals("ask-commit") ? TransactionResolution.COMMIT : TransactionResolution.ROLLBACK, topic);
        for (String text : List.of("rollback", "commit", "ask-rollback", "ask-commit")) {
            var transaction = producer.beginTransaction();
            producer.send(Sdk.message(topic, text).build(), transaction);
            if (text.equals("commit")) {
                transaction.commit();
            } else if (text.equals("rollback")) {
                transaction.rollback();
            }
        }
        Check.equal("committed", List.of("ask-commit", "commit"), List.copyOf(Check.sorted(inbox.take(2, 40))));
        inbox.nothing(1_000);
    }
}
