import java.time.Duration;
import java.util.Collections;
import java.util.List;
import org.apache.rocketmq.client.apis.ClientConfiguration;
import org.apache.rocketmq.client.apis.ClientConfigurationBuilder;
import org.apache.rocketmq.client.apis.ClientServiceProvider;
import org.apache.rocketmq.client.apis.StaticSessionCredentialsProvider;
import org.apache.rocketmq.client.apis.consumer.FilterExpression;
import org.apache.rocketmq.client.apis.consumer.SimpleConsumer;
import org.apache.rocketmq.client.apis.message.MessageView;
import org.apache.rocketmq.client.apis.producer.Producer;

/** What the official gRPC client is told where users sign: one line for each attempt, "name: ok" or "name: why". */
public class AclGrpc {
    interface Act {
        void run() throws Exception;
    }

    static final ClientServiceProvider PROVIDER = ClientServiceProvider.loadService();
    static String endpoint;

    static void say(String name, Act act) {
        String outcome = "ok";
        try {
            act.run();
        } catch (Throwable e) {
            StringBuilder why = new StringBuilder();
            for (Throwable t = e; t != null && t.getCause() != t; t = t.getCause()) {
                why.append(t).append(" ");
            }
            outcome = why.toString().replace('\n', ' ');
        }
        System.out.println("SAID " + name + ": " + outcome);
    }

    static ClientConfiguration as(String user, String password) {
        ClientConfigurationBuilder b = ClientConfiguration.newBuilder().setEndpoints(endpoint).enableSsl(false).setRequestTimeout(Duration.ofSeconds(5));
        if (user != null) {
            b.setCredentialProvider(new StaticSessionCredentialsProvider(user, password));
        }
        return b.build();
    }

    static Act send(ClientConfiguration as, String topic) {
        return () -> {
            try (Producer p = PROVIDER.newProducerBuilder().setClientConfiguration(as).setMaxAttempts(1).build()) {
                p.send(PROVIDER.newMessageBuilder().setTopic(topic).setBody("hello".getBytes()).build());
            }
        };
    }

    static Act receive(ClientConfiguration as, String group, String topic) {
        return () -> {
            try (SimpleConsumer c = PROVIDER.newSimpleConsumerBuilder().setClientConfiguration(as).setConsumerGroup(group).setAwaitDuration(Duration.ofSeconds(6))
                .setSubscriptionExpressions(Collections.singletonMap(topic, FilterExpression.SUB_ALL)).build()) {
                for (int i = 0; i < 10; i++) {
                    List<MessageView> views = c.receive(1, Duration.ofSeconds(30));
                    for (MessageView view : views) {
                        c.ack(view);
                        return;
                    }
                }
                throw new IllegalStateException("nothing came");
            }
        };
    }

    public static void main(String[] args) {
        endpoint = args[0];
        say("unsigned", send(as(null, null), "AclOpen"));
        say("wrong password", send(as("alice", "wrong"), "AclOpen"));
        say("right password", send(as("alice", "a-secret"), "AclOpen"));
        say("denied topic", send(as("alice", "a-secret"), "AclShut"));
        say("group without a rule", receive(as("alice", "a-secret"), "AclOther", "AclOpen"));
        say("group with a rule", receive(as("alice", "a-secret"), "AclGroup", "AclOpen"));
        System.exit(0);
    }
}
