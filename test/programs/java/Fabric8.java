package programs;

import io.fabric8.kubernetes.api.model.ConfigMap;
import io.fabric8.kubernetes.api.model.ConfigMapBuilder;
import io.fabric8.kubernetes.client.Config;
import io.fabric8.kubernetes.client.ConfigBuilder;
import io.fabric8.kubernetes.client.KubernetesClient;
import io.fabric8.kubernetes.client.KubernetesClientBuilder;
import io.fabric8.kubernetes.client.Watch;
import io.fabric8.kubernetes.client.Watcher;
import io.fabric8.kubernetes.client.WatcherException;
import io.fabric8.kubernetes.client.dsl.ExecWatch;
import io.fabric8.kubernetes.client.informers.ResourceEventHandler;
import io.fabric8.kubernetes.client.informers.SharedIndexInformer;
import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;

/**
 * What Java operators and launchers do with fabric8, one step after the other: arguments are a prefix
 * for names and a pod to execute in. The last line is a JSON object of what each step saw.
 */
public final class Fabric8 {
  private static final int WAIT_SECONDS = 30;

  private interface Step {
    Object run() throws Exception;
  }

  private static final Map<String, Object> SEEN = new LinkedHashMap<>();
  private static String prefix;

  private Fabric8() {}

  public static void main(String[] arguments) {
    prefix = arguments[0];
    String target = arguments[1];
    Config config =
        new ConfigBuilder(Config.autoConfigure(null)).withRequestRetryBackoffLimit(0).build();
    Config overHttp = new ConfigBuilder(config).withOnlyHttpWatches(true).build();
    String summary;
    try (KubernetesClient client = new KubernetesClientBuilder().withConfig(config).build();
        KubernetesClient http = new KubernetesClientBuilder().withConfig(overHttp).build()) {
      step("list", () -> list(client, target));
      step("create, edit, apply, delete", () -> write(client));
      step("watch over a WebSocket", () -> watch(client, "websocket"));
      step("watch over HTTP", () -> watch(http, "http"));
      step("informer", () -> inform(client));
      step("exec", () -> exec(client, target));
      step("log", () -> log(client, target));
      summary = client.getKubernetesSerialization().asJson(SEEN);
    }
    System.out.println(summary.replace("\n", ""));
    System.out.flush();
    // Threads of some HTTP clients outlive them.
    Runtime.getRuntime().halt(0);
  }

  private static void step(String name, Step step) {
    try {
      SEEN.put(name, step.run());
    } catch (Exception error) {
      StringBuilder text = new StringBuilder("failed");
      for (Throwable cause = error; cause != null && text.length() < 600; cause = cause.getCause()) {
        text.append(": ").append(cause);
      }
      SEEN.put(name, text.toString());
    }
  }

  private static ConfigMap map(String name, Map<String, String> values) {
    return new ConfigMapBuilder()
        .withNewMetadata().withName(prefix + name).endMetadata().withData(values).build();
  }

  private static Object list(KubernetesClient client, String target) {
    return client.pods().list().getItems().stream()
        .anyMatch(pod -> pod.getMetadata().getName().equals(target));
  }

  private static Object write(KubernetesClient client) {
    client.resource(map("written", Map.of("a", "1"))).create();
    client.configMaps().withName(prefix + "written").edit(map -> {
      map.getData().put("b", "2");
      return map;
    });
    client.resource(map("written", Map.of("c", "3"))).forceConflicts().serverSideApply();
    Map<String, String> held = client.configMaps().withName(prefix + "written").get().getData();
    int deleted = client.configMaps().withName(prefix + "written").delete().size();
    return List.of(held, deleted);
  }

  private static Object watch(KubernetesClient client, String name) throws Exception {
    BlockingQueue<String> events = new LinkedBlockingQueue<>();
    Watcher<ConfigMap> watcher = new Watcher<>() {
      @Override public void eventReceived(Action action, ConfigMap map) {
        events.add(action.name());
      }

      @Override public void onClose(WatcherException cause) {
        events.add("closed: " + cause);
      }
    };
    try (Watch watch = client.configMaps().withName(prefix + name).watch(watcher)) {
      return changes(client, name, events);
    }
  }

  private static Object inform(KubernetesClient client) throws Exception {
    BlockingQueue<String> events = new LinkedBlockingQueue<>();
    try (SharedIndexInformer<ConfigMap> informer =
        client.configMaps().withName(prefix + "informed").inform(new ResourceEventHandler<>() {
          @Override public void onAdd(ConfigMap map) {
            events.add("ADDED");
          }

          @Override public void onUpdate(ConfigMap before, ConfigMap after) {
            events.add("MODIFIED");
          }

          @Override public void onDelete(ConfigMap map, boolean unknown) {
            events.add("DELETED");
          }
        })) {
      return List.of(informer.hasSynced(), changes(client, "informed", events));
    }
  }

  /** Makes, changes and deletes one object, and tells what was heard of it. */
  private static List<String> changes(
      KubernetesClient client, String name, BlockingQueue<String> events) throws Exception {
    client.resource(map(name, Map.of())).create();
    String added = heard(events);
    client.configMaps().withName(prefix + name).edit(map -> {
      map.setData(Map.of("a", "1"));
      return map;
    });
    String modified = heard(events);
    client.configMaps().withName(prefix + name).delete();
    return List.of(added, modified, heard(events));
  }

  private static String heard(BlockingQueue<String> events) throws InterruptedException {
    String event = events.poll(WAIT_SECONDS, TimeUnit.SECONDS);
    return event == null ? "nothing" : event;
  }

  private static Object exec(KubernetesClient client, String target) throws Exception {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    try (ExecWatch process = client.pods().withName(target).inContainer("main").redirectingInput()
        .writingOutput(out).exec("sh", "-c", "read a; echo said $a; exit 7")) {
      process.getInput().write("hello\n".getBytes(StandardCharsets.UTF_8));
      process.getInput().flush();
      Integer code = process.exitCode().get(WAIT_SECONDS, TimeUnit.SECONDS);
      return List.of(out.toString(StandardCharsets.UTF_8), code);
    }
  }

  private static Object log(KubernetesClient client, String target) {
    return client.pods().withName(target).inContainer("main").getLog().lines().findFirst().orElse("");
  }
}
