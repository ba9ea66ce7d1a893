//! From an image's file to patches: each step by itself, and the whole way.

use clsrl_data::image::{Processor, RgbImage, decode_rgb, lanczos};
use clsrl_spec::ImagePath;
use criterion::{BenchmarkId, Criterion, Throughput};

use crate::{
    photographs::{Photograph, photographs},
    shared_dir, tiny_model_dir,
};

/// The paper's side of an image, and what smart-resize makes of it.
pub const SIDE: u32 = 384;
const RESIZED_SIDE: u32 = 392;

/// The paper's limits of smart-resize.
const MIN_PIXELS: usize = 3136;
const MAX_PIXELS: usize = 401_408;

pub fn bench(criterion: &mut Criterion) {
    let dir = tempfile::tempdir().expect("a folder for temporary files can be made");
    let processor = processor();
    for photograph in photographs(&shared_dir(), &dir) {
        let rgb = decode_rgb(&photograph.path).expect("the photograph is a whole image");
        let what = format!("{} {}x{}", photograph.name, rgb.width, rgb.height);
        bench_steps(criterion, &processor, (&what, &photograph), &rgb);
        bench_way(criterion, &processor, (&what, &photograph));
    }
    bench_patches(criterion, &processor);
}

/// The tiny model's processor differs from Qwen2-VL's in nothing but these limits, if in anything.
pub fn processor() -> Processor {
    Processor::from_dir(&tiny_model_dir())
        .expect("the project comes with the tiny model")
        .with_pixels(MIN_PIXELS, MAX_PIXELS)
}

/// Decoding and the two resizes, in pixels of the image that goes in.
fn bench_steps(
    criterion: &mut Criterion,
    processor: &Processor,
    (what, photograph): (&str, &Photograph),
    rgb: &RgbImage,
) {
    let mut group = criterion.benchmark_group("image");
    group.throughput(Throughput::Elements(n_pixels(rgb)));
    group.bench_function(BenchmarkId::new("decode", what), |bencher| {
        bencher.iter(|| decode_rgb(&photograph.path));
    });
    group.bench_function(BenchmarkId::new("lanczos to 384x384", what), |bencher| {
        bencher.iter(|| lanczos(rgb, SIDE, SIDE));
    });
    group.bench_function(BenchmarkId::new("smart-resize", what), |bencher| {
        bencher.iter(|| processor.resize(rgb));
    });
    group.finish();
}

/// Patches of an image that has its size already: normalising and cutting alone.
fn bench_patches(criterion: &mut Criterion, processor: &Processor) {
    let (width, height) = (RESIZED_SIDE, RESIZED_SIDE);
    let pixels = (0..width * height * 3).map(|idx| (idx % 251) as u8).collect();
    let rgb = RgbImage { width, height, pixels };
    let resized = processor.resize(&rgb).expect("the size is within the limits");
    assert_eq!(resized, rgb, "nothing is left to resize");
    let mut group = criterion.benchmark_group("image");
    group.throughput(Throughput::Elements(n_pixels(&rgb)));
    group.bench_function(BenchmarkId::new("patches", format!("{width}x{height}")), |bencher| {
        bencher.iter(|| processor.patches(&rgb));
    });
    group.finish();
}

/// From the file to patches, in images, in each order of resizing.
fn bench_way(
    criterion: &mut Criterion,
    processor: &Processor,
    (what, photograph): (&str, &Photograph),
) {
    let mut group = criterion.benchmark_group("JPEG to patches");
    group.throughput(Throughput::Elements(1));
    for order in
        [ImagePath::Rgb(SIDE), ImagePath::Native(SIDE), ImagePath::Eval(SIDE), ImagePath::Direct]
    {
        group.bench_function(BenchmarkId::new(order.to_string(), what), |bencher| {
            bencher.iter(|| processor.load(&photograph.path, order));
        });
    }
    group.finish();
}

fn n_pixels(rgb: &RgbImage) -> u64 {
    u64::from(rgb.width) * u64::from(rgb.height)
}
