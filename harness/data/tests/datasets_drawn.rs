//! What this program draws is read by the readers of the real datasets.

use clsrl_data::{
    datasets::{Dataset, sample_few_shot},
    drawn::write_drawn,
};
use clsrl_spec::DatasetId;

#[test]
fn all_eleven_drawn_datasets_open_and_their_pictures_are_there() {
    let root = tempfile::tempdir().unwrap();
    write_drawn(root.path(), 1, &mut |_| {}).unwrap();
    for id in DatasetId::ALL {
        let dataset = Dataset::open(id, root.path()).unwrap();
        assert!(dataset.synthetic, "{id}");
        for example in dataset.train.iter().chain(&dataset.val).chain(&dataset.test) {
            assert!(dataset.image_path(example).unwrap().is_file());
        }
        let picks = sample_few_shot(&dataset, 4, 1);
        assert_eq!(picks.train.len(), 4 * dataset.class_names.len(), "{id}");
    }
}
