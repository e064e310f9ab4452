import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.apache.rocketmq.acl.common.AclClientRPCHook;
import org.apache.rocketmq.acl.common.SessionCredentials;
import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;
import org.apache.rocketmq.client.consumer.listener.ConsumeConcurrentlyStatus;
import org.apache.rocketmq.client.consumer.listener.MessageListenerConcurrently;
import org.apache.rocketmq.client.exception.MQBrokerException;
import org.apache.rocketmq.client.exception.MQClientException;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.common.TopicConfig;
import org.apache.rocketmq.common.consumer.ConsumeFromWhere;
import org.apache.rocketmq.common.message.Message;
import org.apache.rocketmq.remoting.RPCHook;
import org.apache.rocketmq.remoting.protocol.body.UserInfo;
import org.apache.rocketmq.remoting.protocol.subscription.SubscriptionGroupConfig;
import org.apache.rocketmq.tools.admin.DefaultMQAdminExt;

/** What the official clients are told where users sign: one line for each attempt, "name: ok" or "name: code remark". */
public class Acl {
    interface Act {
        void run() throws Exception;
    }

    static void say(String name, Act act) {
        String outcome = "ok";
        try {
            act.run();
        } catch (MQBrokerException e) {
            outcome = e.getResponseCode() + " " + e.getErrorMessage();
        } catch (MQClientException e) { // a producer has what the broker said behind its own words
            outcome = e.getResponseCode() + " " + (e.getCause() instanceof MQBrokerException ? ((MQBrokerException) e.getCause()).getErrorMessage() : e.getErrorMessage());
        } catch (Exception e) {
            outcome = e.toString();
        }
        System.out.println("SAID " + name + ": " + outcome);
    }

    static RPCHook as(String user, String password) {
        return new AclClientRPCHook(new SessionCredentials(user, password));
    }

    static String namesrv, broker;
    static int instances;

    static DefaultMQAdminExt admin(RPCHook hook) throws Exception {
        DefaultMQAdminExt a = hook == null ? new DefaultMQAdminExt(5000) : new DefaultMQAdminExt(hook, 5000);
        a.setInstanceName("acl" + instances++);
        a.setNamesrvAddr(namesrv);
        a.start();
        return a;
    }

    static DefaultMQProducer producer(RPCHook hook) throws Exception {
        DefaultMQProducer p = new DefaultMQProducer("AclProducers", hook);
        p.setInstanceName("acl" + instances++);
        p.setNamesrvAddr(namesrv);
        p.setRetryTimesWhenSendFailed(0);
        p.start();
        return p;
    }

    static Act send(DefaultMQProducer p, String topic, String body) {
        return () -> p.send(new Message(topic, body.getBytes()));
    }

    static Act make(DefaultMQAdminExt a, String topic) {
        return () -> a.createAndUpdateTopicConfig(broker, new TopicConfig(topic, 1, 1));
    }

    static Act rule(DefaultMQAdminExt a, String resource, String actions, String from, String decision) {
        List<String> ips = from.isEmpty() ? Collections.emptyList() : Arrays.asList(from.split(","));
        return () -> a.createAcl(broker, "User:alice", Collections.singletonList(resource), Arrays.asList(actions.split(",")), ips, decision);
    }

    static void routed(DefaultMQAdminExt a, String... topics) throws Exception {
        for (String topic : topics) {
            for (long end = System.currentTimeMillis() + 30_000; ; Thread.sleep(100)) {
                try {
                    if (!a.examineTopicRouteInfo(topic).getQueueDatas().isEmpty()) {
                        break;
                    }
                } catch (MQClientException e) {
                    if (System.currentTimeMillis() > end) {
                        throw e;
                    }
                }
            }
        }
    }

    static void consume(RPCHook hook, String group, String topic, String body) throws Exception {
        CountDownLatch came = new CountDownLatch(1);
        DefaultMQPushConsumer c = new DefaultMQPushConsumer(group, hook);
        c.setInstanceName("acl" + instances++);
        c.setNamesrvAddr(namesrv);
        c.setConsumeFromWhere(ConsumeFromWhere.CONSUME_FROM_FIRST_OFFSET);
        c.subscribe(topic, "*");
        c.registerMessageListener((MessageListenerConcurrently) (messages, context) -> {
            messages.stream().filter(m -> body.equals(new String(m.getBody()))).forEach(m -> came.countDown());
            return ConsumeConcurrentlyStatus.CONSUME_SUCCESS;
        });
        c.start();
        boolean good = came.await(Integer.getInteger("acl.wait", 30), TimeUnit.SECONDS);
        c.shutdown();
        if (!good) {
            throw new IllegalStateException("nothing came");
        }
    }

    public static void main(String[] args) {
        namesrv = args[0];
        broker = args[1];
        try {
            act();
            System.exit(0);
        } catch (Throwable e) { // the clients' threads would go on
            e.printStackTrace();
            System.exit(1);
        }
    }

    static void act() throws Exception {
        DefaultMQAdminExt root = admin(as("root", "top-secret"));
        say("unsigned", make(admin(null), "AclNone"));
        say("wrong password", make(admin(as("root", "wrong")), "AclNone"));
        say("nobody", make(admin(as("nobody", "x")), "AclNone"));
        say("right password", make(root, "AclOpen"));
        make(root, "AclShut").run();
        make(root, "AclFar").run();
        routed(root, "AclOpen", "AclShut", "AclFar");
        SubscriptionGroupConfig group = new SubscriptionGroupConfig();
        group.setGroupName("AclGroup");
        root.createAndUpdateSubscriptionGroupConfig(broker, group);
        say("unsigned send", send(producer(null), "AclOpen", "x"));
        say("create user", () -> root.createUser(broker, "alice", "a-secret", "Normal"));
        DefaultMQProducer alice = producer(as("alice", "a-secret"));
        say("send without a rule", send(alice, "AclOpen", "x"));
        say("create acl", rule(root, "Topic:Acl*", "Pub,Sub,Get", "", "Allow"));
        say("send with a rule", send(alice, "AclOpen", "hello"));
        say("wrong password send", send(producer(as("alice", "b-secret")), "AclOpen", "x"));
        say("another topic", send(alice, "TBW102", "x"));
        rule(root, "Topic:AclShut", "All", "", "Deny").run();
        say("send to what is denied", send(alice, "AclShut", "x"));
        rule(root, "Topic:AclFar", "Pub", "10.0.0.0/8", "Deny").run();
        say("denied from elsewhere", send(alice, "AclFar", "x"));
        rule(root, "Topic:AclFar", "Pub", "127.0.0.0/8", "Deny").run();
        say("denied from here", send(alice, "AclFar", "x"));
        DefaultMQAdminExt alicesAdmin = admin(as("alice", "a-secret"));
        say("topic by alice", make(alicesAdmin, "AclNone"));
        say("user by alice", () -> alicesAdmin.createUser(broker, "bob", "b", "Normal"));
        say("group's members by alice", () -> alicesAdmin.examineConsumerConnectionInfo("AclGroup", broker));
        System.setProperty("acl.wait", "6");
        say("consume without a rule", () -> consume(as("alice", "a-secret"), "AclGroup", "AclOpen", "hello"));
        System.setProperty("acl.wait", "30");
        rule(root, "Group:AclGroup", "Sub", "", "Allow").run();
        say("consume with a rule", () -> consume(as("alice", "a-secret"), "AclGroup", "AclOpen", "hello"));
        UserInfo off = new UserInfo();
        off.setUsername("alice");
        off.setUserStatus("disable");
        root.updateUser(broker, off);
        say("send by who is disabled", send(alice, "AclOpen", "x"));
        root.deleteUser(broker, "alice");
        say("send by who is deleted", send(alice, "AclOpen", "x"));
    }
}
