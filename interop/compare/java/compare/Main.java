package compare;

import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.Map;

/**
 * The load generator with the official Java clients, that of remoting and that of gRPC. It reads one command a line from standard input, "senders topic=t threads=64", and
 * prints lines of JSON: an event "begin" and an event "end" at the ends of the measured span, then a "result" with numbers, or an
 * "error". It ends with its input.
 */
public final class Main {
    private Main() {
    }

    public static void main(String[] args) throws Exception {
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line = in.readLine(); line != null; line = in.readLine()) {
            try {
                Events.result(run(new Command(line)));
            } catch (Exception e) {
                e.printStackTrace();
                Events.error(e.toString());
            }
        }
        System.exit(0); // threads of the client outlive it
    }

    private static Map<String, Double> run(Command c) throws Exception {
        switch (c.verb) {
            case "senders":
                return Senders.run(c);
            case "pipeline":
                return Pipeline.run(c);
            case "drain":
                return Drain.run(c);
            case "endtoend":
                return EndToEnd.run(c);
            case "grpcsenders":
                return GrpcSenders.run(c);
            case "grpcdrain":
                return GrpcDrain.run(c);
            case "grpcendtoend":
                return GrpcEndToEnd.run(c);
            default:
                throw new IllegalArgumentException("want senders, pipeline, drain, endtoend, grpcsenders, grpcdrain or grpcendtoend, got " + c.verb);
        }
    }
}
