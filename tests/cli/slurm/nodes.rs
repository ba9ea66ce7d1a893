//! A Slurm of two nodes on loopback, each with two GPUs that are none, from Debian's packages; it needs root.
//!
//! Without munge, cgroups or accounting it is ready in two seconds. Whatever it starts is ended by number when it is
//! dropped.

use std::{
    fs,
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use tempfile::TempDir;

use crate::program::{Ended, end, temporary};

/// Set where Slurm must be there: a test that finds none fails.
const REQUIRED: &str = "CLSRL_SLURM";

/// A cluster.
pub struct Nodes {
    pub dir: TempDir,
    controller: Option<Child>,
    nodes: [Option<Child>; 2],
}

impl Nodes {
    /// Starts a cluster; none, with a line that says so, where that is not possible.
    pub fn start() -> Option<Self> {
        let is_there = |name: &str| {
            let mut asked = Command::new(name);
            asked.arg("-V").stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok()
        };
        let is_root = end(Command::new("id").arg("-u")).stdout.trim() == "0";
        let all = ["slurmctld", "slurmd", "sbatch", "squeue", "scontrol", "scancel"];
        if !is_root || !all.iter().all(|name| is_there(name)) {
            assert!(
                std::env::var_os(REQUIRED).is_none(),
                "{REQUIRED} is set and there is no Slurm"
            );
            eprintln!("skipped: it takes root and Debian's slurmctld, slurmd and slurm-client");
            return None;
        }
        let mut cluster = Nodes { dir: temporary(), controller: None, nodes: [None, None] };
        cluster.configure();
        cluster.controller = Some(cluster.spawn("slurmctld", &["-D", "-i", "-c"]));
        cluster.start_node(0);
        cluster.start_node(1);
        cluster.wait_until("two idle nodes", Duration::from_secs(30), |cluster| {
            cluster.call("sinfo", &["-h", "-t", "idle", "-o", "%D"]).stdout.trim() == "2"
        });
        Some(cluster)
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn configure(&self) {
        let host = end(Command::new("hostname").arg("-s")).stdout.trim().to_owned();
        // Held until all three are known, so that they differ.
        let free: Vec<TcpListener> =
            (0..3).map(|_| TcpListener::bind("127.0.0.1:0").unwrap()).collect();
        let ports: Vec<u16> = free.iter().map(|port| port.local_addr().unwrap().port()).collect();
        drop(free);
        for name in ["state", "spool.n1", "spool.n2"] {
            fs::create_dir(self.path(name)).unwrap();
        }
        let dir = self.dir.path().display();
        let (control, n1, n2) = (ports[0], ports[1], ports[2]);
        let node = |name: &str, port: u16| {
            format!(
                "NodeName={name} NodeHostname={host} NodeAddr=127.0.0.1 Port={port} CPUs=4 RealMemory=1000 Gres=gpu:2\n"
            )
        };
        let text = format!(
            "ClusterName=lab\nSlurmctldHost={host}(127.0.0.1)\nSlurmctldPort={control}\n\
             CommunicationParameters=NoCtldInAddrAny,NoInAddrAny\n\
             AuthType=auth/none\nCredType=cred/none\nAuthInfo=cred_expire=5\n\
             SlurmUser=root\nSlurmdUser=root\n\
             StateSaveLocation={dir}/state\nSlurmdSpoolDir={dir}/spool.%n\n\
             SlurmctldPidFile={dir}/slurmctld.pid\nSlurmdPidFile={dir}/slurmd.%n.pid\n\
             SlurmctldLogFile={dir}/slurmctld.log\nSlurmdLogFile={dir}/slurmd.%n.log\n\
             ProctrackType=proctrack/linuxproc\nTaskPlugin=task/none\n\
             JobAcctGatherType=jobacct_gather/none\nAccountingStorageType=accounting_storage/none\n\
             MpiDefault=none\nSelectType=select/cons_tres\nSelectTypeParameters=CR_Core\n\
             SlurmdParameters=config_overrides\nSchedulerParameters=sched_interval=1,bf_interval=1\n\
             GresTypes=gpu\nMaxArraySize=4\nJobRequeue=1\nKillWait=2\nSlurmdTimeout=4\nMessageTimeout=2\n\
             MinJobAge=300\nReturnToService=2\n{}{}\
             PartitionName=main Nodes=n1,n2 Default=YES MaxTime=60 DefaultTime=5 State=UP\n",
            node("n1", n1),
            node("n2", n2),
        );
        fs::write(self.path("slurm.conf"), text).unwrap();
        // Character devices: plain files give no CUDA_VISIBLE_DEVICES, and no file gives no GPU.
        fs::write(self.path("gres.conf"), "Name=gpu File=/dev/null,/dev/zero\n").unwrap();
    }

    fn spawn(&self, name: &str, args: &[&str]) -> Child {
        let mut command = Command::new(name);
        command.args(args).env("SLURM_CONF", self.path("slurm.conf")).stdin(Stdio::null());
        command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
    }

    /// Starts a node's daemon, or starts it again.
    pub fn start_node(&mut self, number: usize) {
        let name = format!("n{}", number + 1);
        self.nodes[number] = Some(self.spawn("slurmd", &["-D", "-N", &name]));
    }

    /// Kills a node's daemon; what it started goes on.
    pub fn kill_node(&mut self, number: usize) {
        let mut node = self.nodes[number].take().expect("it runs");
        node.kill().unwrap();
        node.wait().unwrap();
    }

    /// Calls a command of this cluster.
    pub fn call(&self, command: &str, args: &[&str]) -> Ended {
        end(Command::new(command).args(args).env("SLURM_CONF", self.path("slurm.conf")))
    }

    /// What is in the queue: element, state and node.
    pub fn queue(&self) -> Vec<(String, String, String)> {
        let listed = self.call("squeue", &["-h", "-r", "-o", "%i|%T|%N"]).stdout;
        let line = |line: &str| {
            let mut fields = line.split('|').map(str::to_owned);
            Some((fields.next()?, fields.next()?, fields.next()?))
        };
        listed.lines().filter_map(line).collect()
    }

    /// Waits for something; fails with the controller's log if it does not come.
    pub fn wait_until(
        &mut self,
        what: &str,
        patience: Duration,
        mut is_so: impl FnMut(&mut Self) -> bool,
    ) {
        let until = Instant::now() + patience;
        while !is_so(self) {
            let log = fs::read_to_string(self.path("slurmctld.log")).unwrap_or_default();
            assert!(Instant::now() < until, "no {what} in {patience:?}: {:?}\n{log}", self.queue());
            thread::sleep(Duration::from_millis(200));
        }
    }

    /// The processes that have this cluster's folder in their command line, but for its daemons.
    pub fn strays(&self) -> Vec<u32> {
        processes_of(self.dir.path())
    }
}

impl Drop for Nodes {
    fn drop(&mut self) {
        self.call("scancel", &["--user=root", "--quiet"]);
        let until = Instant::now() + Duration::from_secs(8);
        while !self.queue().is_empty() && Instant::now() < until {
            thread::sleep(Duration::from_millis(100));
        }
        for daemon in self.nodes.iter_mut().chain([&mut self.controller]) {
            if let Some(mut daemon) = daemon.take() {
                let _ = Command::new("kill").arg(daemon.id().to_string()).status();
                let until = Instant::now() + Duration::from_secs(3);
                while daemon.try_wait().unwrap().is_none() && Instant::now() < until {
                    thread::sleep(Duration::from_millis(50));
                }
                let _ = daemon.kill();
                let _ = daemon.wait();
            }
        }
        for stray in self.strays() {
            let _ = Command::new("kill").args(["-9", &stray.to_string()]).status();
        }
    }
}

fn processes_of(dir: &Path) -> Vec<u32> {
    let dir = dir.display().to_string();
    let is_of_dir = |id: u32| {
        let line = fs::read(format!("/proc/{id}/cmdline")).unwrap_or_default();
        String::from_utf8_lossy(&line).contains(&dir)
    };
    let ids = fs::read_dir("/proc").unwrap().flatten();
    let ids = ids.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    ids.filter(|&id| id != std::process::id() && is_of_dir(id)).collect()
}
