package interop;

import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicBoolean;
import org.apache.rocketmq.client.consumer.AckStatus;
import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;
import org.apache.rocketmq.client.consumer.PopResult;
import org.apache.rocketmq.client.consumer.PopStatus;
import org.apache.rocketmq.client.consumer.listener.ConsumeConcurrentlyStatus;
import org.apache.rocketmq.client.consumer.listener.ConsumeOrderlyStatus;
import org.apache.rocketmq.client.consumer.listener.MessageListenerConcurrently;
import org.apache.rocketmq.client.consumer.listener.MessageListenerOrderly;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.client.producer.LocalTransactionState;
import org.apache.rocketmq.client.producer.SendResult;
import org.apache.rocketmq.client.producer.SendStatus;
import org.apache.rocketmq.client.producer.TransactionListener;
import org.apache.rocketmq.client.producer.TransactionMQProducer;
import org.apache.rocketmq.common.message.Message;
import org.apache.rocketmq.common.message.MessageAccessor;
import org.apache.rocketmq.common.message.MessageConst;
import org.apache.rocketmq.common.message.MessageExt;
import org.apache.rocketmq.common.message.MessageQueue;
import org.apache.rocketmq.remoting.protocol.header.ExtraInfoUtil;
import org.apache.rocketmq.tools.admin.DefaultMQAdminExt;

/**
 * The Java half of the torture test of the machines: timed messages, transactions, consumers that pop, and members of an orderly
 * group. Besides the lines that Torture.java writes: "T at key due" a message is for a time, "H at key" it belongs to a
 * transaction, "V at key c|r" which is about to be committed or rolled back, "P at group key sum retry topic queue offset from until" a
 * pop, "K at group key" its acknowledgement counts, "C at group key until" its new invisible time, "O at group member key sum
 * topic queue offset" a member begins to work on a message, "E at group member topic queue offset" it has ended, "S at key sharding-key" a message
 * is sent by a sharding key, to the queue that follows from it.
 *
 * With a member's name in MACHINES_MEMBER the program is that member alone, to be killed.
 */
final class Machines {
    private static final String TIMED = "torture-timed";
    private static final String TRANSACTED = "torture-half";
    private static final String POPPED = "torture-pop";
    private static final String OWNED = "torture-owned";
    private static final String KEYED = "torture-keyed";
    private static final long INVISIBLE = 3_000;

    private final String member = System.getenv().getOrDefault("MACHINES_MEMBER", "");
    private final Diary diary = new Diary(!member.isEmpty());
    private final AtomicBoolean stopped = new AtomicBoolean();
    private final AtomicBoolean ended = new AtomicBoolean();
    private final long seed = Long.parseLong(System.getenv("TORTURE_SEED"));
    private final List<Thread> senders = new ArrayList<>();
    private final List<Thread> poppers = new ArrayList<>();
    private Lab lab;

    private Machines() {
    }

    public static void main(String[] arguments) {
        try {
            new Machines().run();
            System.exit(0);
        } catch (Exception e) {
            e.printStackTrace();
            System.exit(2);
        }
    }

    private void run() throws Exception {
        DefaultMQAdminExt admin = new DefaultMQAdminExt(10_000);
        admin.setNamesrvAddr(System.getenv("INTEROP_NAMESRV"));
        admin.setInstanceName("admin" + member);
        admin.start();
        lab = new Lab(new Lab.Cluster(System.getenv("INTEROP_NAMESRV"), System.getenv("INTEROP_BROKER"), "", "machines", admin, null), "torture");
        if (member.isEmpty()) {
            consumers();
            senders();
        } else {
            member(member);
        }
        diary.say("STARTED");
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line = in.readLine(); line != null && !line.equals("END"); line = in.readLine()) {
            if (line.equals("STOP")) {
                stopped.set(true);
                join(senders);
                diary.say("STOPPED");
            }
        }
        ended.set(true);
        join(poppers);
        lab.close();
        admin.shutdown();
        diary.flush();
    }

    private static void join(List<Thread> threads) throws InterruptedException {
        for (Thread thread : threads) {
            thread.join();
        }
    }

    private void consumers() throws Exception {
        concurrent("timed", TIMED);
        concurrent("half", TRANSACTED);
        pushing("pop-push");
        for (int i = 0; i < 2; i++) {
            Popping.Popper popper = new Popping.Popper(lab, POPPED, "pop-single");
            start(poppers, "popper" + i, () -> pops(popper));
        }
        member("m1");
        member("m2");
    }

    private void senders() throws Exception {
        DefaultMQProducer producer = lab.configure(new DefaultMQProducer("machines"), "senders");
        producer.setSendMsgTimeout(3000);
        producer.setRetryTimesWhenSendFailed(0);
        producer.start();
        for (int i = 0; i < 2; i++) {
            line(producer, "t" + i, TIMED, i, 40);
            line(producer, "p" + i, POPPED, i, 30);
        }
        for (int i = 0; i < 4; i++) {
            line(producer, "o" + i, OWNED, i, 25);
            keyed(producer, "k" + i);
        }
        for (int i = 0; i < 3; i++) {
            transactions("x" + i, i);
        }
    }

    private interface Work {
        void run() throws Exception;
    }

    private void start(List<Thread> among, String name, Work work) {
        Thread thread = new Thread(() -> {
            try {
                work.run();
            } catch (Exception e) {
                e.printStackTrace();
                System.exit(3);
            }
        }, name);
        among.add(thread);
        thread.start();
    }

    /** One line of synchronous sends into one queue; a message without an answer is given up. */
    private void line(DefaultMQProducer producer, String name, String topic, int queue, int pause) {
        Random random = new Random(seed * 31 + name.hashCode());
        start(senders, name, () -> {
            String broker = producer.fetchPublishMessageQueues(topic).get(0).getBrokerName();
            for (int sequence = 0; !stopped.get(); sequence++) {
                String key = name + ":" + sequence;
                Message message = new Message(topic, "all", key, Diary.body(key, random));
                if (topic.equals(TIMED)) {
                    long due = System.currentTimeMillis() + 50 + random.nextInt(random.nextInt(4) == 0 ? 9_000 : 2_000);
                    message.setDeliverTimeMs(due);
                    diary.event("T", key + " " + due * 1000);
                }
                diary.event("B", key + " " + Diary.sum(message.getBody()) + " " + topic + " " + queue);
                answered(key, topic, () -> producer.send(message, new MessageQueue(topic, broker, queue)));
                Thread.sleep(random.nextInt(2 * pause));
            }
        });
    }

    /** One line of synchronous sends with one sharding key, its name: some at once, one after the other, and a rest. */
    private void keyed(DefaultMQProducer producer, String name) {
        Random random = new Random(seed * 31 + name.hashCode());
        start(senders, name, () -> {
            for (int sequence = 0; !stopped.get(); sequence++) {
                String key = name + ":" + sequence;
                Message message = new Message(KEYED, "all", key, Diary.body(key, random));
                MessageAccessor.putProperty(message, MessageConst.PROPERTY_SHARDING_KEY, name);
                diary.event("S", key + " " + name);
                diary.event("B", key + " " + Diary.sum(message.getBody()) + " " + KEYED + " -1");
                answered(key, KEYED, () -> producer.send(message, (queues, m, by) -> queues.get(Math.floorMod(by.hashCode(), queues.size())), name));
                Thread.sleep(random.nextInt(4) == 0 ? random.nextInt(300) : 0);
            }
        });
    }

    private interface Send {
        SendResult send() throws Exception;
    }

    private void answered(String key, String topic, Send send) throws InterruptedException {
        try {
            SendResult result = send.send();
            if (result.getSendStatus() == SendStatus.SEND_OK) {
                boolean told = topic.equals(POPPED) || topic.equals(OWNED) || topic.equals(KEYED); // the other places are not those of the message
                diary.event("A", key + " " + topic + " " + result.getMessageQueue().getQueueId() + " " + (told ? result.getQueueOffset() : -1));
                return;
            }
        } catch (InterruptedException e) {
            throw e;
        } catch (Exception e) {
            Thread.sleep(50); // the broker is away
        }
        diary.event("L", key);
    }

    /** Transactions one after the other: six in ten end at once, the others are asked for first; three in ten are rolled back. */
    private void transactions(String name, int instance) throws Exception {
        TransactionMQProducer producer = lab.configure(new TransactionMQProducer("machines-half"), "half" + instance);
        Verdicts verdicts = new Verdicts();
        producer.setTransactionListener(verdicts);
        producer.setSendMsgTimeout(2500);
        producer.setRetryTimesWhenSendFailed(0);
        producer.start();
        Random random = new Random(seed * 31 + name.hashCode());
        start(senders, name, () -> {
            for (int sequence = 0; !stopped.get(); sequence++) {
                String key = name + ":" + sequence;
                Message message = new Message(TRANSACTED, "all", key, Diary.body(key, random));
                diary.event("H", key);
                diary.event("B", key + " " + Diary.sum(message.getBody()) + " " + TRANSACTED + " -1");
                answered(key, TRANSACTED, () -> producer.sendMessageInTransaction(message, random.nextInt(30)));
                Thread.sleep(random.nextInt(60));
            }
        });
    }

    /** What producers of the group say about their transactions: any of them is asked. What nobody began is rolled back. */
    private final class Verdicts implements TransactionListener {
        private static final Map<String, LocalTransactionState> ALL = new ConcurrentHashMap<>();

        @Override
        public LocalTransactionState executeLocalTransaction(Message message, Object millis) {
            String key = Diary.key(message);
            int kind = Math.floorMod(key.hashCode(), 10);
            LocalTransactionState wanted = kind < 3 ? LocalTransactionState.ROLLBACK_MESSAGE : LocalTransactionState.COMMIT_MESSAGE;
            LocalTransactionState verdict = ALL.putIfAbsent(key, wanted);
            try {
                Thread.sleep((Integer) millis);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
            return kind == 0 || kind > 6 ? LocalTransactionState.UNKNOW : say(key, verdict == null ? wanted : verdict);
        }

        @Override
        public LocalTransactionState checkLocalTransaction(MessageExt message) {
            String key = Diary.key(message);
            LocalTransactionState verdict = ALL.putIfAbsent(key, LocalTransactionState.ROLLBACK_MESSAGE);
            return say(key, verdict == null ? LocalTransactionState.ROLLBACK_MESSAGE : verdict);
        }

        private LocalTransactionState say(String key, LocalTransactionState verdict) {
            diary.event("V", key + (verdict == LocalTransactionState.COMMIT_MESSAGE ? " c" : " r"));
            return verdict;
        }
    }

    private void concurrent(String group, String topic) throws Exception {
        DefaultMQPushConsumer consumer = lab.consumer(group, group);
        consumer.subscribe(topic, "*");
        consumer.registerMessageListener((MessageListenerConcurrently) (batch, context) -> {
            for (MessageExt message : batch) {
                diary.event("D", group + " " + what(message));
            }
            return ConsumeConcurrentlyStatus.CONSUME_SUCCESS;
        });
        consumer.start();
        diary.say("J " + Diary.now());
    }

    private static String what(MessageExt message) {
        return Diary.key(message) + " " + Diary.sum(message.getBody()) + " " + message.getReconsumeTimes() + " " + message.getTopic() + " "
            + message.getQueueId() + " " + message.getQueueOffset();
    }

    private void popped(String group, MessageExt message) {
        String[] handle = ExtraInfoUtil.split(Popping.Popper.handle(message));
        long from = ExtraInfoUtil.getPopTime(handle) * 1000;
        diary.event("P", group + " " + what(message) + " " + from + " " + (from + ExtraInfoUtil.getInvisibleTime(handle) * 1000));
    }

    /** The push consumer that pops. */
    private void pushing(String group) throws Exception {
        Popping.pops(lab, POPPED, group);
        DefaultMQPushConsumer consumer = lab.consumer(group, group);
        consumer.setClientRebalance(false);
        consumer.setPopInvisibleTime(5_000);
        consumer.subscribe(POPPED, "*");
        consumer.registerMessageListener((MessageListenerConcurrently) (batch, context) -> {
            batch.forEach(message -> popped(group, message));
            return ConsumeConcurrentlyStatus.CONSUME_SUCCESS;
        });
        consumer.start();
        diary.say("J " + Diary.now());
    }

    /** Pops by single requests: one message in ten is left alone the first time, one gets a longer invisible time, all others are acknowledged. */
    private void pops(Popping.Popper popper) throws Exception {
        while (!ended.get()) {
            try {
                PopResult result = popper.pop(16, INVISIBLE, 1_000);
                if (result.getPopStatus() != PopStatus.FOUND) {
                    continue;
                }
                result.getMsgFoundList().forEach(message -> popped(popper.group, message));
                for (MessageExt message : result.getMsgFoundList()) {
                    hold(popper, message);
                }
            } catch (Exception e) {
                Thread.sleep(100); // the broker is away
            }
        }
        popper.close();
    }

    private void hold(Popping.Popper popper, MessageExt message) throws Exception {
        String key = Diary.key(message);
        int kind = Math.floorMod(key.hashCode(), 10);
        if (kind == 0 && message.getReconsumeTimes() == 0) {
            return;
        }
        if (kind == 1) {
            popper.invisible(message, 2 * INVISIBLE); // writes the new handle into the message
            String[] handle = ExtraInfoUtil.split(Popping.Popper.handle(message));
            diary.event("C", popper.group + " " + key + " " + (ExtraInfoUtil.getPopTime(handle) + ExtraInfoUtil.getInvisibleTime(handle)) * 1000);
        }
        if (popper.ack(message).getStatus() == AckStatus.OK) {
            diary.event("K", popper.group + " " + key);
        }
    }

    /** A member of the orderly groups; m2 is one of the first alone. */
    private void member(String name) throws Exception {
        works(name, "owned", OWNED);
        if (!name.equals("m2")) {
            works(name, "keyed", KEYED);
        }
    }

    /** Handlers take their time. */
    private void works(String name, String group, String topic) throws Exception {
        DefaultMQPushConsumer consumer = lab.consumer(group, name);
        consumer.subscribe(topic, "*");
        consumer.registerMessageListener((MessageListenerOrderly) (batch, context) -> {
            for (MessageExt message : batch) {
                String place = message.getTopic() + " " + message.getQueueId() + " " + message.getQueueOffset();
                diary.event("O", group + " " + name + " " + Diary.key(message) + " " + Diary.sum(message.getBody()) + " " + place);
                try {
                    Thread.sleep(3);
                } catch (InterruptedException e) {
                    Thread.currentThread().interrupt();
                }
                diary.event("E", group + " " + name + " " + place);
            }
            return ConsumeOrderlyStatus.SUCCESS;
        });
        consumer.start();
        diary.say("J " + Diary.now());
    }
}
