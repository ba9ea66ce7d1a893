//! `--devices`: the slots of a run, and the one GPU that the workers of each of them see.
//!
//! A GPU is given by an entry of `CUDA_VISIBLE_DEVICES`, taken from the inherited one as text: whatever names it there,
//! an index, a UUID or a slice of MIG, names it for the worker. So no library can open a context on another GPU, and
//! this process opens none at all.

use std::{env, fmt, fs, process::Command, str::FromStr};

use clsrl_runner::Slot;
use clsrl_spec::ranges::MAX_JOBS;

use crate::device::Device;

/// Which GPUs a process may use.
const VISIBLE: &str = "CUDA_VISIBLE_DEVICES";

/// What `--devices` takes.
const EXPECTED: &str = "expected all, cuda:0,cuda:2, cuda:0x2 or cpu,cpu";

/// A list of devices as it was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeviceList(Vec<Asked>);

/// A part of it, with the number of slots on each of its devices.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Asked {
    device: Which,
    n_slots: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Which {
    Cpu,
    /// The GPU of this position among those that may be used.
    Gpu(usize),
    AllGpus,
}

impl DeviceList {
    /// One slot on the processor.
    pub fn cpu() -> Self {
        DeviceList(vec![Asked { device: Which::Cpu, n_slots: 1 }])
    }

    /// A slot on every GPU.
    pub fn all_gpus() -> Self {
        DeviceList(vec![Asked { device: Which::AllGpus, n_slots: 1 }])
    }

    /// How many slots that is on a machine with so many GPUs.
    pub fn n_slots(&self, n_gpus: usize) -> usize {
        let n_slots = |asked: &Asked| match asked.device {
            Which::AllGpus => asked.n_slots * n_gpus,
            Which::Cpu | Which::Gpu(_) => asked.n_slots,
        };
        self.0.iter().map(n_slots).sum::<usize>().max(1)
    }

    /// The device that every worker computes on: the one that it sees.
    pub fn device(&self) -> Device {
        match self.0.as_slice() {
            [Asked { device: Which::Cpu, .. }, ..] => Device::cpu(),
            _ => Device::cuda(),
        }
    }

    /// The slots, where these GPUs may be used; `count` lists all that there are where nothing says which.
    pub fn slots(
        &self,
        visible: Option<&str>,
        count: &dyn Fn() -> Vec<String>,
    ) -> anyhow::Result<Vec<Slot>> {
        let visible = visible.map(entries);
        let mut slots = Slots::default();
        for &Asked { device, n_slots } in &self.0 {
            match device {
                Which::Cpu => slots.add("cpu", None, n_slots),
                Which::Gpu(position) => {
                    let entry = match &visible {
                        None => position.to_string(),
                        Some(entries) => entry_at(entries, position)?,
                    };
                    slots.add(&format!("cuda:{position}"), Some(entry), n_slots);
                }
                Which::AllGpus => {
                    let all = match &visible {
                        None => count(),
                        Some(entries) => entries.clone(),
                    };
                    anyhow::ensure!(
                        !all.is_empty(),
                        "`--devices all` finds no GPU\nhint: --devices cpu,cpu runs two trials at a time without one"
                    );
                    for (position, entry) in all.into_iter().enumerate() {
                        slots.add(&format!("cuda:{position}"), Some(entry), n_slots);
                    }
                }
            }
        }
        Ok(slots.into_slots())
    }
}

/// The entries of a variable that count: CUDA stops at the first that it cannot use.
fn entries(visible: &str) -> Vec<String> {
    let is_device = |entry: &&str| !matches!(*entry, "" | "-1" | "NoDevFiles" | "void" | "none");
    visible.split(',').map(str::trim).take_while(is_device).map(str::to_owned).collect()
}

fn entry_at(entries: &[String], position: usize) -> anyhow::Result<String> {
    let found = entries.get(position).cloned();
    found.ok_or_else(|| {
        let (n, listed) = (entries.len(), entries.join(","));
        anyhow::anyhow!(
            "device `cuda:{position}` is not there: {VISIBLE} has {n} entries (`{listed}`), expected more than {position}"
        )
    })
}

/// Slots in the making.
#[derive(Default)]
struct Slots(Vec<(String, Option<String>)>);

impl Slots {
    fn add(&mut self, name: &str, entry: Option<String>, n_slots: usize) {
        self.0.extend(std::iter::repeat_n((name.to_owned(), entry), n_slots));
    }

    /// The slots with names of their own: `cuda:0`, or `cuda:0#1` and `cuda:0#2` where there are two.
    fn into_slots(self) -> Vec<Slot> {
        let n_of = |slots: &[(String, Option<String>)], name: &str| {
            slots.iter().filter(|(other, _)| other == name).count()
        };
        let named = |(at, (name, entry)): (usize, &(String, Option<String>))| Slot {
            name: match n_of(&self.0, name) {
                1 => name.clone(),
                _ => format!("{name}#{}", 1 + n_of(&self.0[..at], name)),
            },
            device: entry.clone().unwrap_or_else(|| name.clone()),
            env: entry.iter().map(|entry| (VISIBLE.to_owned(), entry.clone())).collect(),
        };
        self.0.iter().enumerate().map(named).collect()
    }
}

/// All GPUs of this machine, found without CUDA.
pub fn all_gpus() -> Vec<String> {
    listed_gpus().unwrap_or_else(numbered_gpus)
}

/// The GPUs that `nvidia-smi` lists, by UUID, and slices of MIG instead of the GPU that is cut; none without it.
fn listed_gpus() -> Option<Vec<String>> {
    let output = Command::new("nvidia-smi").arg("-L").output().ok()?;
    let listed = String::from_utf8_lossy(&output.stdout).into_owned();
    output.status.success().then(|| gpus_of(&listed))
}

/// As many numbers as the driver has GPUs.
fn numbered_gpus() -> Vec<String> {
    let n_gpus = fs::read_dir("/proc/driver/nvidia/gpus").map_or(0, Iterator::count);
    (0..n_gpus).map(|number| number.to_string()).collect()
}

fn gpus_of(listed: &str) -> Vec<String> {
    let mut gpus: Vec<(String, Vec<String>)> = Vec::new();
    for line in listed.lines() {
        let uuid =
            line.rsplit_once("UUID: ").map(|(_, rest)| rest.trim_end_matches(')').to_owned());
        match (uuid, line.trim_start().starts_with("MIG "), gpus.last_mut()) {
            (Some(uuid), true, Some((_, slices))) => slices.push(uuid),
            (Some(uuid), _, _) => gpus.push((uuid, Vec::new())),
            (None, ..) => {}
        }
    }
    let of_gpu = |(uuid, slices): (String, Vec<String>)| match slices.is_empty() {
        true => vec![uuid],
        false => slices,
    };
    gpus.into_iter().flat_map(of_gpu).collect()
}

/// The value of the inherited variable; none where it is not set.
pub fn inherited() -> Option<String> {
    env::var_os(VISIBLE).map(|value| value.to_string_lossy().into_owned())
}

impl FromStr for DeviceList {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let asked: Vec<Asked> =
            text.split(',').map(|part| part.trim().parse()).collect::<Result<_, _>>()?;
        let is_cpu = |asked: &Asked| asked.device == Which::Cpu;
        if asked.iter().any(is_cpu) && !asked.iter().all(is_cpu) {
            return Err("one run has one kind of device: cpu or cuda".to_owned());
        }
        let n_slots: usize = asked.iter().map(|asked| asked.n_slots).sum();
        if MAX_JOBS < n_slots {
            return Err(format!("expected at most {MAX_JOBS} slots, found {n_slots}"));
        }
        Ok(DeviceList(asked))
    }
}

impl FromStr for Asked {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (device, n_slots) = match text.rsplit_once('x') {
            Some((device, n)) => (device, n.parse().map_err(|_| EXPECTED)?),
            None => (text, 1),
        };
        let device = match device.strip_prefix("cuda:") {
            Some(position) => Which::Gpu(position.parse::<u8>().map_err(|_| EXPECTED)?.into()),
            None => match device {
                "cpu" => Which::Cpu,
                "cuda" => Which::Gpu(0),
                "all" => Which::AllGpus,
                _ => return Err(EXPECTED.to_owned()),
            },
        };
        match n_slots {
            1..=MAX_JOBS => Ok(Asked { device, n_slots }),
            _ => Err(format!("expected 1 to {MAX_JOBS} slots on a device")),
        }
    }
}

impl fmt::Display for DeviceList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let part = |&Asked { device, n_slots }: &Asked| {
            let device = match device {
                Which::Cpu => "cpu".to_owned(),
                Which::Gpu(position) => format!("cuda:{position}"),
                Which::AllGpus => "all".to_owned(),
            };
            if n_slots == 1 { device } else { format!("{device}x{n_slots}") }
        };
        f.write_str(&self.0.iter().map(part).collect::<Vec<_>>().join(","))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Name and GPU of each slot, where nothing but `visible` says which GPUs there are.
    #[track_caller]
    fn check(text: &str, visible: Option<&str>, expected: &[(&str, &str)]) {
        let list: DeviceList = text.parse().unwrap();
        let count = || vec!["GPU-a".to_owned(), "GPU-b".to_owned()];
        let slots = list.slots(visible, &count).unwrap();
        let found: Vec<(&str, &str)> = slots
            .iter()
            .map(|slot| {
                (slot.name.as_str(), slot.env.first().map_or("-", |(_, entry)| entry.as_str()))
            })
            .collect();
        assert_eq!(found, expected, "{text} of {visible:?}");
    }

    #[test]
    fn a_slot_has_the_entry_of_the_inherited_variable_as_it_is_written() {
        check("all", Some("3,5"), &[("cuda:0", "3"), ("cuda:1", "5")]);
        check("cuda:1", Some("3, GPU-1f,MIG-7"), &[("cuda:1", "GPU-1f")]);
        check("cuda:2,cuda:0", Some("3,GPU-1f,MIG-7"), &[("cuda:2", "MIG-7"), ("cuda:0", "3")]);
        check("cuda", Some("7"), &[("cuda:0", "7")]);
        check("all", Some("1,-1,2"), &[("cuda:0", "1")]);
        check("cuda:0x2", Some("4"), &[("cuda:0#1", "4"), ("cuda:0#2", "4")]);
    }

    #[test]
    fn where_no_variable_is_inherited_gpus_are_counted_or_named_by_their_number() {
        check("all", None, &[("cuda:0", "GPU-a"), ("cuda:1", "GPU-b")]);
        check("cuda:1", None, &[("cuda:1", "1")]);
        check("cpu,cpu", None, &[("cpu#1", "-"), ("cpu#2", "-")]);
        check("cpux3", Some(""), &[("cpu#1", "-"), ("cpu#2", "-"), ("cpu#3", "-")]);
    }

    #[test]
    fn a_gpu_that_may_not_be_used_is_told() {
        let none = Vec::new;
        for (text, visible) in
            [("all", Some("")), ("all", Some("NoDevFiles")), ("all", None), ("cuda:2", Some("0,1"))]
        {
            let list: DeviceList = text.parse().unwrap();
            assert!(list.slots(visible, &none).is_err(), "{text} of {visible:?}");
        }
    }

    #[test]
    fn what_is_no_list_of_devices_is_refused() {
        for text in [
            "",
            "gpu",
            "cuda:",
            "cuda:x",
            "cuda:0x",
            "cuda:0x0",
            "cpu,cuda:0",
            "cuda:999",
            "cpux999999",
        ] {
            assert!(text.parse::<DeviceList>().is_err(), "{text}");
        }
        assert_eq!("cuda:0x2,all".parse::<DeviceList>().unwrap().to_string(), "cuda:0x2,all");
    }

    #[test]
    fn slices_of_mig_stand_for_the_gpu_that_is_cut() {
        let listed = "GPU 0: NVIDIA H200 (UUID: GPU-aa)\n\
                      GPU 1: NVIDIA A100 (UUID: GPU-bb)\n  MIG 1g.5gb Device  0: (UUID: MIG-1)\n  \
                      MIG 1g.5gb Device  1: (UUID: MIG-2)\n";
        assert_eq!(gpus_of(listed), ["GPU-aa", "MIG-1", "MIG-2"]);
        assert!(gpus_of("No devices found.\n").is_empty());
    }
}
