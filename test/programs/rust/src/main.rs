//! What Rust controllers do with kube-rs over rustls, one step after the other: arguments are a prefix
//! for names and a pod to execute in. The last line is a JSON object of what each step saw.
use futures::{AsyncBufReadExt, TryStreamExt};
use k8s_openapi::api::core::v1::{ConfigMap, Pod};
use kube::api::{Api, AttachParams, DeleteParams, ListParams, LogParams, Patch, PatchParams, PostParams};
use kube::runtime::watcher::{self, Event};
use kube::{Client, ResourceExt};
use serde_json::{json, Map, Value};
use std::{error::Error, pin::pin, time::Duration};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

type Outcome = Result<Value, Box<dyn Error>>;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().collect();
    let (prefix, target) = (&arguments[1], &arguments[2]);
    let client = Client::try_default().await?;
    let maps: Api<ConfigMap> = Api::default_namespaced(client.clone());
    let pods: Api<Pod> = Api::default_namespaced(client);
    let mut seen = Map::new();
    let mut note = |name: &str, outcome: Outcome| {
        seen.insert(name.into(), outcome.unwrap_or_else(|error| json!(format!("failed: {error} {error:?}"))));
    };
    note("list", list(&pods, target).await);
    note("apply, patch, delete", write(&maps, &format!("{prefix}written")).await);
    note("watch", watch(&maps, &format!("{prefix}watched"), false).await);
    note("watch with a list", watch(&maps, &format!("{prefix}streamed"), true).await);
    note("exec", exec(&pods, target).await);
    note("log", log(&pods, target).await);
    println!("{}", Value::Object(seen));
    Ok(())
}

async fn list(pods: &Api<Pod>, target: &str) -> Outcome {
    let found = pods.list(&ListParams::default()).await?;
    Ok(json!(found.items.iter().any(|pod| pod.name_any() == target)))
}

fn map(name: &str, data: Value) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data})
}

async fn write(maps: &Api<ConfigMap>, name: &str) -> Outcome {
    let manager = PatchParams::apply("programs").force();
    maps.patch(name, &manager, &Patch::Apply(map(name, json!({"a": "1"})))).await?;
    let merged = Patch::Merge(json!({"data": {"b": "2"}}));
    let held = maps.patch(name, &PatchParams::default(), &merged).await?;
    maps.delete(name, &DeleteParams::default()).await?;
    let gone = maps.get_opt(name).await?.is_none();
    Ok(json!([held.data, gone]))
}

/// Makes, changes and deletes one object, and tells what was heard of it.
async fn watch(maps: &Api<ConfigMap>, name: &str, streamed: bool) -> Outcome {
    let config = watcher::Config::default().fields(&format!("metadata.name={name}"));
    let config = if streamed { config.streaming_lists() } else { config };
    let mut stream = pin!(kube::runtime::watcher(maps.clone(), config));
    let mut heard = vec![];
    let mut done = 0;
    let patience = Duration::from_secs(30);
    while done < 4 {
        let event = tokio::time::timeout(patience, stream.try_next()).await?;
        match event?.ok_or("the stream ended")? {
            Event::Init => continue,
            Event::InitApply(_) => heard.push("listed"),
            Event::InitDone => heard.push("synced"),
            Event::Apply(_) => heard.push("applied"),
            Event::Delete(_) => heard.push("deleted"),
        }
        done += 1;
        match done {
            1 => {
                let made = serde_json::from_value(map(name, json!({})))?;
                maps.create(&PostParams::default(), &made).await?;
            }
            2 => {
                let change = Patch::Merge(json!({"data": {"a": "1"}}));
                maps.patch(name, &PatchParams::default(), &change).await?;
            }
            3 => {
                maps.delete(name, &DeleteParams::default()).await?;
            }
            _ => {}
        }
    }
    Ok(json!(heard))
}

async fn exec(pods: &Api<Pod>, target: &str) -> Outcome {
    let how = AttachParams::default().container("main").stdin(true).stderr(false);
    let command = ["sh", "-c", "read a; echo said $a; exit 7"];
    let mut process = pods.exec(target, command, &how).await?;
    process.stdin().ok_or("no input")?.write_all(b"hello\n").await?;
    let mut said = String::new();
    process.stdout().ok_or("no output")?.read_to_string(&mut said).await?;
    let status = process.take_status().ok_or("no status")?.await;
    Ok(json!([said, status.and_then(|status| status.message)]))
}

async fn log(pods: &Api<Pod>, target: &str) -> Outcome {
    let how = LogParams { container: Some("main".into()), follow: true, ..LogParams::default() };
    let mut lines = pods.log_stream(target, &how).await?.lines();
    Ok(json!(lines.try_next().await?))
}
