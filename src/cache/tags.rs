//! Tags of responses in the platform's cache, by which a purge finds them.
//!
//! A tag is a hash, so that it has a short, fixed length and shows no path to anyone who sees the header.

use sha2::{Digest, Sha256};

use crate::path::ImagePath;
use crate::text::hex::hex;

/// The number of bytes of the digest in a tag. Among a billion images, the chance that any two share a tag is 3 %, and a shared tag
/// costs one more miss.
const BYTES: usize = 8;

/// Returns the tag of an image, which all of its versions and crops have: the first 16 hexadecimal digits of the SHA-256 of
/// `image:<path>`.
#[must_use]
pub fn image_tag(path: &ImagePath) -> String {
    tag("image:", path.as_str())
}

/// Returns the tag of all images below a folder, or of all images: the first 16 hexadecimal digits of the SHA-256 of `folder:<path>`.
#[must_use]
pub fn folder_tag(folder: Option<&ImagePath>) -> String {
    tag("folder:", folder.map(ImagePath::as_str).unwrap_or_default())
}

/// Returns the `Cache-Tag` of a response for `path`: the tags of the image and of each of its folders, the root included.
///
/// The platform accepts 1,000 tags. A path has at most 512 segments.
#[must_use]
pub fn all_tags(path: &ImagePath) -> String {
    let text = path.as_str();
    let folders = text
        .match_indices('/')
        .filter_map(|(slash, _)| text.get(..slash));
    let mut tags = vec![image_tag(path), folder_tag(None)];
    tags.extend(folders.map(|folder| tag("folder:", folder)));
    tags.join(",")
}

fn tag(kind: &str, path: &str) -> String {
    let digest = Sha256::new().chain_update(kind).chain_update(path);
    let digest = digest.finalize();
    hex(digest.get(..BYTES).unwrap_or(&digest))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(raw: &str) -> ImagePath {
        ImagePath::from_raw(raw).unwrap()
    }

    #[test]
    fn tags_are_pinned() {
        // printf %s image:photos/2024/cat.jpg | sha256sum | head -c 16
        assert_eq!(
            all_tags(&path("photos/2024/cat.jpg")),
            "477d9df7eae6feb3,4adc89458adf3aac,9a9ffc8a083091d4,7dcd925373577878"
        );
    }

    #[test]
    fn versions_of_an_image_have_its_tags_and_a_folder_of_its_name_has_others() {
        let image = path("a/b");
        assert_eq!(all_tags(&image.with_query("v=3")), all_tags(&image));
        assert_ne!(image_tag(&image), folder_tag(Some(&image)));
        assert!(all_tags(&path("a/b/c")).contains(&folder_tag(Some(&image))));
        assert!(!all_tags(&path("a/bc")).contains(&folder_tag(Some(&image))));
        assert!(all_tags(&path("a")).contains(&folder_tag(None)));
    }

    #[test]
    fn the_longest_path_has_fewer_tags_than_the_platform_accepts() {
        let deepest = path(&["a"; 512].join("/"));
        assert_eq!(all_tags(&deepest).split(',').count(), 513);
    }
}
