//! The labels of ImageNet's validation images, as its development kit has them: which folder each belongs into.
//!
//! Olga Russakovsky et al.: "ImageNet Large Scale Visual Recognition Challenge", IJCV 2015; `readme.txt` of
//! `ILSVRC2012_devkit_t12.tar.gz` tells the two files' form. The archive of images is flat, and CoOp wants folders.

use super::mat_file::{MatArray, read_variable};

/// How many classes have images; the structures after them are groups of classes.
const N_CLASSES: usize = 1000;

/// The folder of each validation image, in the order of their numbers, from `meta.mat` and
/// `ILSVRC2012_validation_ground_truth.txt`. The error says what was found where.
pub fn imagenet_validation_folders(meta: &[u8], labels: &str) -> Result<Vec<String>, String> {
    let folders = folders(meta).map_err(|fault| format!("meta.mat: {fault}"))?;
    let folder = |(line, text): (usize, &str)| {
        let id: Option<usize> = text.trim().parse().ok();
        let folder = id.and_then(|id| folders.get(id.checked_sub(1)?));
        folder.cloned().ok_or_else(|| {
            format!(
                "ground truth, line {line}: found `{text}`, expected a class from 1 to {}",
                folders.len()
            )
        })
    };
    (1..).zip(labels.lines()).map(folder).collect()
}

/// The folders of the classes, in the order of their numbers.
fn folders(meta: &[u8]) -> Result<Vec<String>, String> {
    let synsets = match read_variable(meta, "synsets")? {
        MatArray::Structs(synsets) => synsets,
        other => return Err(format!("found {} in `synsets`, expected structures", other.kind())),
    };
    let column = |wanted: &str| {
        let found = synsets.fields.iter().position(|name| name == wanted);
        found.ok_or_else(|| format!("found no field `{wanted}` in `synsets`"))
    };
    let (id, folder) = (column("ILSVRC2012_ID")?, column("WNID")?);
    let mut folders = Vec::new();
    for (number, row) in (1..).zip(synsets.rows.iter().take(N_CLASSES)) {
        let expected = number as f64;
        match (&row[id], &row[folder]) {
            (MatArray::Numbers(found), MatArray::Text(text))
                if found.first() == Some(&expected) && is_folder(text) =>
            {
                folders.push(text.clone());
            }
            _ => return Err(format!("synsets({number}): expected class {number} and its folder")),
        }
    }
    Ok(folders)
}

/// Whether a text is the name of a WordNet folder: `n` and eight digits.
fn is_folder(text: &str) -> bool {
    text.len() == 9
        && text.starts_with('n')
        && text[1..].bytes().all(|digit| digit.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An element of a MAT-file, padded to eight bytes.
    fn element(kind: u32, data: &[u8]) -> Vec<u8> {
        let mut bytes = [kind.to_le_bytes(), (data.len() as u32).to_le_bytes()].concat();
        bytes.extend_from_slice(data);
        bytes.resize(bytes.len().next_multiple_of(8), 0);
        bytes
    }

    /// An array of a class, with its dimensions and its name.
    fn array(class: u32, dimensions: [i32; 2], name: &str, rest: &[u8]) -> Vec<u8> {
        let flags = [class.to_le_bytes(), [0; 4]].concat();
        let dimensions = dimensions.map(i32::to_le_bytes).concat();
        let parts = [element(6, &flags), element(5, &dimensions), element(1, name.as_bytes())];
        element(14, &[parts.concat(), rest.to_vec()].concat())
    }

    /// `synsets` with these classes, as scipy's `savemat` lays structures out.
    fn meta(classes: &[(f64, &str)]) -> Vec<u8> {
        let mut rest = element(5, &16i32.to_le_bytes());
        let mut names = Vec::new();
        for name in ["ILSVRC2012_ID", "WNID"] {
            let mut field = name.as_bytes().to_vec();
            field.resize(16, 0);
            names.extend(field);
        }
        rest.extend(element(1, &names));
        for (id, folder) in classes {
            rest.extend(array(6, [1, 1], "", &element(9, &id.to_le_bytes())));
            let text: Vec<u8> =
                folder.bytes().flat_map(|byte| u16::from(byte).to_le_bytes()).collect();
            rest.extend(array(4, [1, folder.len() as i32], "", &element(4, &text)));
        }
        let mut header = b"MATLAB 5.0 MAT-file".to_vec();
        header.resize(124, b' ');
        header.extend([0x00, 0x01, b'I', b'M']);
        [header, array(2, [classes.len() as i32, 1], "synsets", &rest)].concat()
    }

    #[test]
    fn images_go_into_the_folders_of_their_classes() {
        let meta = meta(&[(1.0, "n02119789"), (2.0, "n02100735")]);
        let folders = imagenet_validation_folders(&meta, "2\n1\n2\n").unwrap();
        assert_eq!(folders, ["n02100735", "n02119789", "n02100735"]);
    }

    #[test]
    fn a_class_that_is_not_there_is_named_by_its_line() {
        let good = meta(&[(1.0, "n02119789")]);
        let fault = imagenet_validation_folders(&good, "1\n2\n").unwrap_err();
        assert_eq!(fault, "ground truth, line 2: found `2`, expected a class from 1 to 1");
        for bad in [meta(&[(2.0, "n02119789")]), meta(&[(1.0, "../../etc")])] {
            let fault = imagenet_validation_folders(&bad, "1\n").unwrap_err();
            assert_eq!(fault, "meta.mat: synsets(1): expected class 1 and its folder");
        }
    }
}
