package interop;

import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.apache.commons.cli.DefaultParser;
import org.apache.commons.cli.Options;
import org.apache.commons.cli.ParseException;
import org.apache.rocketmq.srvutil.ServerUtil;
import org.apache.rocketmq.tools.command.MQAdminStartup;
import org.apache.rocketmq.tools.command.SubCommand;

/**
 * RocketMQ's mqadmin in this process. It ends the process where its arguments cannot be parsed or ask for help; there the tool's own parser and
 * its own help say what it would have printed, and it is not run.
 */
final class Tool extends MQAdminStartup {
    private static final long LIMIT_SECONDS = 60;

    private Tool() {
    }

    /** What is printed, with a count of its lines. */
    private static final class Printed extends ByteArrayOutputStream {
        synchronized int lines() {
            int lines = 0;
            for (int i = 0; i < count; i++) {
                if (buf[i] == '\n') {
                    lines++;
                }
            }
            return lines;
        }

        synchronized String text() {
            return new String(buf, 0, count, StandardCharsets.UTF_8);
        }
    }

    /** Runs one command and says what became of it; it is interrupted after so many lines, if that is not 0. */
    static void run(String[] words, int lines, Map<String, Object> answer) throws Exception {
        Printed out = new Printed();
        Printed err = new Printed();
        PrintStream realOut = System.out;
        PrintStream realErr = System.err;
        System.setOut(new PrintStream(out, true, StandardCharsets.UTF_8));
        System.setErr(new PrintStream(err, true, StandardCharsets.UTF_8));
        try {
            // Commands keep their connections between runs and find them closed: each run has commands of its own.
            SUB_COMMANDS.clear();
            initCommand();
            Integer code = exits(words);
            SUB_COMMANDS.clear();
            answer.put("exit", code == null ? 0 : code);
            if (code == null && !execute(words, lines, out)) {
                answer.put("failed", "not done within " + LIMIT_SECONDS + " s");
            }
        } finally {
            System.setOut(realOut);
            System.setErr(realErr);
        }
        answer.put("out", out.text());
        answer.put("err", err.text());
    }

    private static boolean execute(String[] words, int lines, Printed out) throws InterruptedException {
        Thread thread = new Thread(() -> {
            try {
                main(words);
            } catch (Throwable e) {
                e.printStackTrace();
            }
        }, "mqadmin");
        thread.start();
        long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(LIMIT_SECONDS);
        boolean interrupted = lines == 0;
        while (thread.isAlive() && System.nanoTime() < end) {
            thread.join(20);
            if (!interrupted && out.lines() >= lines) {
                thread.interrupt();
                interrupted = true;
            }
            hurry(thread);
        }
        boolean done = !thread.isAlive();
        thread.interrupt();
        return done;
    }

    /** A client that closes waits up to 3 s for a thread that waits for events; such a thread does not mind being woken. */
    private static void hurry(Thread closing) {
        for (StackTraceElement frame : closing.getStackTrace()) {
            if (frame.getClassName().endsWith(".ServiceThread") && frame.getMethodName().equals("shutdown")) {
                Thread.getAllStackTraces().keySet().stream().filter(t -> t.getName().contains("NettyEventExecutor")).forEach(Thread::interrupt);
                return;
            }
        }
    }

    /** The code with which the tool would end the process, after printing what it prints then; null if it does not. */
    private static Integer exits(String[] words) {
        if (words.length == 0 || words.length == 2 && words[0].equals("help")) {
            return null;
        }
        for (SubCommand command : SUB_COMMANDS) {
            String alias = command.commandAlias();
            if (!command.commandName().equalsIgnoreCase(words[0]) && (alias == null || !alias.equalsIgnoreCase(words[0]))) {
                continue;
            }
            Options options = command.buildCommandlineOptions(ServerUtil.buildCommandlineOptions(new Options()));
            Integer code = null;
            try {
                if (new DefaultParser().parse(options, Arrays.copyOfRange(words, 1, words.length)).hasOption('h')) {
                    code = 0;
                }
            } catch (ParseException e) {
                System.err.println(e.getMessage());
                code = 1;
            }
            if (code != null) {
                ServerUtil.printCommandLineHelp("mqadmin " + command.commandName(), options);
            }
            return code;
        }
        return null;
    }
}
