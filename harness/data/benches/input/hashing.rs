//! SHA-256 of a dataset's files, as the lock has them hashed: the walk and the list that it leaves included.
//!
//! The hashing itself is private; `check_without_lists` in deep mode is the public way to it that reads
//! images and nothing else.

use std::{fs, path::Path};

use clsrl_data::lock::{Checking, Mode, check_without_lists};
use clsrl_spec::{DatasetId, Stream};
use criterion::{BenchmarkId, Criterion, Throughput};

/// A dataset whose images are all that lies below one folder.
const DATASET: DatasetId = DatasetId::Dtd;
const IMAGE_FOLDER: &str = "images";

const FILES_PER_FOLDER: usize = 100;

pub fn bench(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("hashing");
    for (name, n_files, n_bytes) in
        [("2,000 files of 16 KiB", 2000, 16 << 10), ("one file of 64 MiB", 1, 64 << 20)]
    {
        let data = tempfile::tempdir().expect("a folder for temporary files can be made");
        let sidecars = tempfile::tempdir().expect("a folder for temporary files can be made");
        write_files(data.path(), n_files, n_bytes);
        let checking = Checking { mode: Mode::Deep, sidecars: sidecars.path(), progress: &|_| {} };
        let hash = || {
            let checked = check_without_lists((DATASET, data.path()), None, &checking)
                .expect("the sidecars' folder can be written to");
            assert_eq!(checked.images.n_files, n_files, "all files are read");
            checked.images.sha256
        };
        group.throughput(Throughput::Bytes((n_files * n_bytes) as u64));
        group.bench_function(BenchmarkId::from_parameter(name), |bencher| bencher.iter(hash));
    }
    group.finish();
}

fn write_files(dataset_dir: &Path, n_files: usize, n_bytes: usize) {
    let mut stream = Stream::new(1, &["bench", "hashing"]);
    for file_idx in 0..n_files {
        let folder = format!("{IMAGE_FOLDER}/{:02}", file_idx / FILES_PER_FOLDER);
        let folder = dataset_dir.join(folder);
        let mut bytes = vec![0; n_bytes];
        bytes[..8].copy_from_slice(&stream.next_u64().to_le_bytes());
        fs::create_dir_all(&folder).expect("a temporary folder takes folders");
        fs::write(folder.join(format!("{file_idx:04}.jpg")), bytes)
            .expect("a temporary folder takes files");
    }
}
