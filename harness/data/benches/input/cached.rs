//! From an image's file to patches, made anew and from a warm cache, for a small photograph and a large one.

use clsrl_data::image::{CacheSpace, ImageCache, ImageFile, Processor, decode_rgb};
use clsrl_spec::ImagePath;
use criterion::{BenchmarkId, Criterion, Throughput};

use crate::{
    images::{SIDE, processor},
    photographs::{Photograph, large, photographs},
    shared_dir,
};

pub fn bench(criterion: &mut Criterion) {
    let dir = tempfile::tempdir().expect("a folder for temporary files can be made");
    let space = CacheSpace { dir: dir.path().join("cache"), n_bytes: 1 << 30 };
    space.prepare().expect("a temporary folder takes folders");
    let cache = ImageCache::new(&space);
    let processor = processor();
    let small = photographs(&shared_dir(), &dir).into_iter().next();
    for photograph in small.into_iter().chain(large(&shared_dir(), &dir)) {
        for order in [ImagePath::Rgb(SIDE), ImagePath::Eval(SIDE), ImagePath::Direct] {
            bench_photograph(criterion, (&processor, &cache), &photograph, order);
        }
    }
}

fn bench_photograph(
    criterion: &mut Criterion,
    (processor, cache): (&Processor, &ImageCache),
    photograph: &Photograph,
    order: ImagePath,
) {
    let rgb = decode_rgb(&photograph.path).expect("the photograph is a whole image");
    let n_bytes = photograph.path.metadata().map_or(0, |metadata| metadata.len());
    let what =
        format!("{order}/{} {}x{}, {} KB", photograph.name, rgb.width, rgb.height, n_bytes / 1000);
    let mut group = criterion.benchmark_group("cache");
    group.throughput(Throughput::Elements(1));
    group.bench_function(BenchmarkId::new("none", &what), |bencher| {
        bencher.iter(|| processor.load(&photograph.path, order));
    });
    let through = || {
        let file = ImageFile::read(&photograph.path)?;
        processor.load_through(cache, &file, order)
    };
    through().expect("the photograph was decoded before"); // from here on the cache is warm
    group.bench_function(BenchmarkId::new("warm", &what), |bencher| bencher.iter(through));
    group.finish();
}
