package interop;

import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.Function;
import org.apache.rocketmq.client.consumer.DefaultMQPullConsumer;
import org.apache.rocketmq.client.consumer.PullStatus;
import org.apache.rocketmq.client.producer.LocalTransactionState;
import org.apache.rocketmq.client.producer.TransactionListener;
import org.apache.rocketmq.client.producer.TransactionMQProducer;
import org.apache.rocketmq.client.producer.TransactionSendResult;
import org.apache.rocketmq.common.message.Message;
import org.apache.rocketmq.common.message.MessageConst;
import org.apache.rocketmq.common.message.MessageExt;
import org.apache.rocketmq.common.message.MessageQueue;

/**
 * Transactions. The server must have been started with the short times that transaction_test.go gives it. Besides PASS and
 * FAIL each scenario says with FACT lines what it saw, which must be the same on every server.
 */
final class Transacting {
    private static final LocalTransactionState COMMIT = LocalTransactionState.COMMIT_MESSAGE;
    private static final LocalTransactionState ROLLBACK = LocalTransactionState.ROLLBACK_MESSAGE;
    private static final LocalTransactionState UNKNOWN = LocalTransactionState.UNKNOW;
    private static final String GIVEN_UP = "TRANS_CHECK_MAX_TIME_TOPIC";
    private static final int PATIENCE = 40;

    private Transacting() {
    }

    static List<Scenario> scenarios() {
        return List.of(
            new Scenario("transaction-maximum", Transacting::maximum),
            new Scenario("transaction-producer-gone", Transacting::producerGone),
            new Scenario("transaction-immunity", Transacting::immunity),
            new Scenario("transaction-check-commit", lab -> checked(lab, COMMIT)),
            new Scenario("transaction-check-rollback", lab -> checked(lab, ROLLBACK)),
            new Scenario("transaction-commit", Transacting::commit),
            new Scenario("transaction-rollback", Transacting::rollback),
            new Scenario("transaction-many", Transacting::many));
    }

    /** The server dies between the half message and its end. */
    static Scenario restart() {
        return new Scenario("transaction-restart", Transacting::killed);
    }

    /** One producer's side of its transactions: what it answers, and what it was asked. */
    private static final class Side implements TransactionListener {
        final Function<Message, LocalTransactionState> first;
        final Function<MessageExt, LocalTransactionState> check;
        final List<MessageExt> asked = new CopyOnWriteArrayList<>();
        final Map<String, Long> askedAt = new ConcurrentHashMap<>();

        Side(Function<Message, LocalTransactionState> first, Function<MessageExt, LocalTransactionState> check) {
            this.first = first;
            this.check = check;
        }

        @Override
        public LocalTransactionState executeLocalTransaction(Message message, Object argument) {
            return first.apply(message);
        }

        @Override
        public LocalTransactionState checkLocalTransaction(MessageExt message) {
            askedAt.putIfAbsent(Check.text(message), System.nanoTime());
            asked.add(message);
            return check.apply(message);
        }
    }

    private static TransactionMQProducer producer(Lab lab, String group, String instance, Side side) throws Exception {
        TransactionMQProducer producer = new TransactionMQProducer(group);
        producer.setTransactionListener(side);
        lab.start(producer, instance);
        return producer;
    }

    private static TransactionSendResult send(TransactionMQProducer producer, String topic, String text) throws Exception {
        TransactionSendResult result = producer.sendMessageInTransaction(Lab.message(topic, "tag", text), null);
        Lab.stored(result);
        return result;
    }

    private static void commit(Lab lab) throws Exception {
        String topic = lab.topic(1);
        Side side = new Side(m -> COMMIT, m -> UNKNOWN);
        Message message = Lab.message(topic, "tag", "committed");
        message.setKeys("key");
        message.putUserProperty("own", "value");
        TransactionMQProducer producer = producer(lab, lab.unique("producer"), lab.unique("a"), side);
        Lab.stored(lab.producer().send(Lab.message(lab.createTopic(lab.unique("other"), 1), "tag", "so that no log begins with the half message")));
        TransactionSendResult result = producer.sendMessageInTransaction(message, null);
        fact(lab, "send result", "status " + result.getSendStatus() + ", local " + result.getLocalTransactionState()
            + ", transaction id is message id " + result.getMsgId().equals(result.getTransactionId())
            + ", queue " + result.getMessageQueue().getQueueId() + ", offset id " + result.getOffsetMsgId()
            + ", the message's id is the same " + result.getMsgId().equals(message.getTransactionId()));
        MessageExt got = lab.consume(topic, lab.group(), lab.unique("consumer")).takeOne(20);
        facts(lab, "committed", got, result.getMsgId());
        Check.equal("message id", result.getMsgId(), got.getMsgId());
        Check.that("prepared transaction offset " + got.getPreparedTransactionOffset() + " below its own " + got.getCommitLogOffset(),
            got.getPreparedTransactionOffset() > 0 && got.getPreparedTransactionOffset() < got.getCommitLogOffset());
        Check.equal("checks", 0, side.asked.size());
        fact(lab, "found by key", lab.cluster.admin().queryMessage(topic, "key", 8, 0, Long.MAX_VALUE / 2).getMessageList().size());
    }

    private static void rollback(Lab lab) throws Exception {
        String topic = lab.topic(1);
        TransactionMQProducer producer = producer(lab, lab.unique("producer"), lab.unique("a"),
            new Side(m -> body(m).equals("kept") ? COMMIT : ROLLBACK, m -> ROLLBACK));
        Inbox inbox = lab.consume(topic, lab.group(), lab.unique("consumer"));
        fact(lab, "local state", send(producer, topic, "dropped").getLocalTransactionState());
        send(producer, topic, "kept");
        Check.equal("the only one", "kept", Check.text(inbox.takeOne(20)));
        inbox.nothing(6_000); // longer than the immunity and a round
        nothingElse(lab, topic, 1);
    }

    private static String body(Message message) {
        return new String(message.getBody(), java.nio.charset.StandardCharsets.UTF_8);
    }

    /** Many, one after the other: what is committed comes, in order, and nothing else. */
    private static void many(Lab lab) throws Exception {
        String topic = lab.topic(1);
        TransactionMQProducer producer = producer(lab, lab.unique("producer"), lab.unique("a"),
            new Side(m -> body(m).endsWith("0") ? ROLLBACK : COMMIT, m -> ROLLBACK));
        Inbox inbox = lab.consume(topic, lab.group(), lab.unique("consumer"));
        List<String> texts = Lab.numbered("t", 200);
        for (String text : texts) {
            send(producer, topic, text);
        }
        List<String> kept = texts.stream().filter(t -> !t.endsWith("0")).toList();
        Check.equal("committed", new java.util.TreeSet<>(kept), Check.sorted(inbox.take(kept.size(), PATIENCE)));
        inbox.nothing(1_000);
    }

    private static void checked(Lab lab, LocalTransactionState verdict) throws Exception {
        String topic = lab.topic(1);
        Side side = new Side(m -> UNKNOWN, m -> verdict);
        TransactionMQProducer producer = producer(lab, lab.unique("producer"), lab.unique("a"), side);
        Inbox inbox = lab.consume(topic, lab.group(), lab.unique("consumer"));
        TransactionSendResult result = send(producer, topic, "open");
        Check.eventually("a check", PATIENCE, () -> !side.asked.isEmpty());
        MessageExt asked = side.asked.get(0);
        facts(lab, "asked about", asked, result.getMsgId());
        fact(lab, "asked about, transaction id is message id", result.getMsgId().equals(asked.getTransactionId()));
        if (verdict == COMMIT) {
            facts(lab, "committed", inbox.takeOne(PATIENCE), result.getMsgId());
        }
        inbox.nothing(5_000);
        nothingElse(lab, topic, verdict == COMMIT ? 1 : 0);
        Check.between("checks", 1, 2, side.asked.size()); // the answer may cross the next round
    }

    private static void immunity(Lab lab) throws Exception {
        String topic = lab.topic(1);
        Side side = new Side(m -> UNKNOWN, m -> COMMIT);
        TransactionMQProducer producer = producer(lab, lab.unique("producer"), lab.unique("a"), side);
        Inbox inbox = lab.consume(topic, lab.group(), lab.unique("consumer"));
        Message message = Lab.message(topic, "tag", "immune");
        message.putUserProperty(MessageConst.PROPERTY_CHECK_IMMUNITY_TIME_IN_SECONDS, "9");
        long start = System.nanoTime();
        Lab.stored(producer.sendMessageInTransaction(message, null));
        inbox.takeOne(PATIENCE);
        long after = (side.askedAt.get("immune") - start) / 1_000_000;
        Check.between("ms until the first check", 9_000, 16_000, after);
    }

    /** Nobody ever knows: after the maximum of checks the message goes where an administrator finds it, and can be resumed. */
    private static void maximum(Lab lab) throws Exception {
        String topic = lab.topic(1);
        boolean[] known = {false};
        Side side = new Side(m -> UNKNOWN, m -> known[0] ? COMMIT : UNKNOWN);
        TransactionMQProducer producer = producer(lab, lab.unique("producer"), lab.unique("a"), side);
        Inbox inbox = lab.consume(topic, lab.group(), lab.unique("consumer"));
        TransactionSendResult result = send(producer, topic, "never known");
        MessageExt[] given = new MessageExt[1];
        DefaultMQPullConsumer reader = lab.pullConsumer(lab.createGroup(lab.unique("reader")));
        Check.eventually("given up", PATIENCE, () -> {
            given[0] = last(reader, result.getMsgId());
            return given[0] != null;
        });
        fact(lab, "checks", side.asked.size());
        fact(lab, "check numbers", side.asked.stream().map(m -> m.getProperty("TRANSACTION_CHECK_TIMES")).toList());
        facts(lab, "given up", given[0], result.getMsgId());
        inbox.nothing(3_000);
        int before = side.asked.size();
        known[0] = true;
        fact(lab, "resumed", lab.cluster.admin().resumeCheckHalfMessage(GIVEN_UP, given[0].getMsgId()));
        facts(lab, "committed after all", inbox.takeOne(PATIENCE), result.getMsgId());
        fact(lab, "the first check after it", side.asked.get(before).getProperty("TRANSACTION_CHECK_TIMES"));
        inbox.nothing(4_000);
        nothingElse(lab, topic, 1);
    }

    private static MessageExt last(DefaultMQPullConsumer reader, String id) throws Exception {
        for (MessageQueue queue : reader.fetchSubscribeMessageQueues(GIVEN_UP)) {
            for (long from = 0; ; ) {
                var page = reader.pull(queue, "*", from, 32);
                if (page.getPullStatus() != PullStatus.FOUND) {
                    break;
                }
                for (MessageExt message : page.getMsgFoundList()) {
                    if (id.equals(message.getProperty("UNIQ_KEY"))) {
                        return message;
                    }
                }
                from = page.getNextBeginOffset();
            }
        }
        return null;
    }

    /** The producer leaves; another one of its group is asked, and nobody of another group. */
    private static void producerGone(Lab lab) throws Exception {
        String topic = lab.topic(1);
        Side leaver = new Side(m -> UNKNOWN, m -> UNKNOWN);
        Side stayer = new Side(m -> UNKNOWN, m -> COMMIT);
        Side stranger = new Side(m -> UNKNOWN, m -> ROLLBACK);
        TransactionMQProducer gone = new TransactionMQProducer(lab.unique("producer"));
        gone.setTransactionListener(leaver);
        lab.configure(gone, lab.unique("a"));
        gone.setSendMsgTimeout(10_000);
        gone.start();
        TransactionMQProducer other = producer(lab, lab.unique("strangers"), lab.unique("c"), stranger);
        Inbox inbox = lab.consume(topic, lab.group(), lab.unique("consumer"));
        Lab.stored(other.send(Lab.message(topic, "tag", "plain"))); // it is connected now
        inbox.takeOne(20);
        TransactionSendResult result = send(gone, topic, "left behind");
        gone.shutdown();
        TransactionMQProducer stays = producer(lab, lab.unique("producer"), lab.unique("b"), stayer);
        Lab.stored(stays.send(Lab.message(topic, "tag", "plain")));
        inbox.takeOne(20);
        Check.equal("committed", result.getMsgId(), inbox.takeOne(PATIENCE).getMsgId());
        Check.equal("asked of another group", 0, stranger.asked.size());
        inbox.nothing(3_000);
    }

    private static void killed(Lab lab) throws Exception {
        String topic = lab.topic(1);
        Map<String, LocalTransactionState> verdicts = new ConcurrentHashMap<>();
        Side side = new Side(m -> {
            if (!body(m).equals("at the kill")) {
                return UNKNOWN;
            }
            try {
                lab.cluster.driver().ask("restart");
            } catch (Exception e) {
                throw new IllegalStateException(e);
            }
            return COMMIT;
        }, m -> verdicts.getOrDefault(body(m), UNKNOWN));
        TransactionMQProducer producer = producer(lab, lab.unique("producer"), lab.unique("a"), side);
        for (String text : Lab.numbered("commit-", 10)) {
            verdicts.put(text, COMMIT);
            send(producer, topic, text);
        }
        for (String text : Lab.numbered("rollback-", 10)) {
            verdicts.put(text, ROLLBACK);
            send(producer, topic, text);
        }
        verdicts.put("at the kill", COMMIT);
        send(producer, topic, "at the kill");
        Inbox inbox = lab.consume(topic, lab.group(), lab.unique("consumer"));
        List<String> want = new java.util.ArrayList<>(Lab.numbered("commit-", 10));
        want.add("at the kill");
        java.util.TreeSet<String> got = Check.sorted(inbox.take(want.size(), 60));
        while (got.size() < want.size() && lab.cluster.isApache("committed-twice")) {
            got.add(Check.text(inbox.takeOne(60)));
        }
        Check.equal("committed", new java.util.TreeSet<>(want), got);
        if (!lab.cluster.isApache("committed-twice")) { // which asks again about what it has committed just before, and commits that once more
            inbox.nothing(6_000);
            nothingElse(lab, topic, want.size());
        }
    }

    /** The topic holds so many messages, whatever consumers were given. */
    private static void nothingElse(Lab lab, String topic, long count) throws Exception {
        long sum = lab.cluster.admin().examineTopicStats(topic).getOffsetTable().values().stream().mapToLong(o -> o.getMaxOffset()).sum();
        Check.equal("messages in the topic", count, sum);
    }

    /**
     * What a client sees of a message, a fact for each property. Ids, names and times are other ones in each run, and so is the checksum of the properties,
     * which have them in them, and how much there is in the topic that all scenarios share: of those only that they are there.
     */
    private static void facts(Lab lab, String name, MessageExt message, String id) {
        fact(lab, name, "queue " + message.getQueueId() + ", system flag " + message.getSysFlag() + ", flag " + message.getFlag() + ", reconsumed "
            + message.getReconsumeTimes());
        fact(lab, name + " prepared offset", message.getPreparedTransactionOffset() > 0 ? "set" : "none");
        new TreeMap<>(message.getProperties()).forEach((property, value) -> fact(lab, name + " property " + property, switch (property) {
            case "REAL_TOPIC" -> "<topic>";
            case "PGROUP" -> "<group>";
            case "__CRC32#" -> "<checksum>";
            case "CONSUME_START_TIME" -> "<time>";
            case "MAX_OFFSET" -> message.getTopic().equals(GIVEN_UP) ? "<offset>" : value;
            default -> value.equals(id) ? "<id>" : value;
        }));
    }

    private static void fact(Lab lab, String name, Object value) {
        lab.cluster.driver().say("FACT " + lab.unique("").replaceAll("^java-[^-]*-|-$", "") + " " + name + ": " + value);
    }
}
