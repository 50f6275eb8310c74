use super::{advance, apply};

fn naive(bytes: &mut [u8], key: [u8; 4]) {
    for (i, byte) in bytes.iter_mut().enumerate() {
        *byte ^= key[i % 4];
    }
}

#[test]
fn agrees_with_the_definition_at_every_length_and_alignment() {
    let key = [0x12, 0xff, 0x00, 0xa5];
    for start in 0..9 {
        for len in 0..70 {
            let mut fast: Vec<u8> = (0..start + len).map(|i| (i * 7) as u8).collect();
            let mut slow = fast.clone();
            apply(&mut fast[start..], key);
            naive(&mut slow[start..], key);
            assert_eq!(fast, slow, "start {start}, length {len}");
        }
    }
}

#[test]
fn a_payload_in_pieces_is_the_payload_at_once() {
    let key = [1, 2, 3, 4];
    for cut in 0..40 {
        let mut whole: Vec<u8> = (0..40).collect();
        let mut pieces = whole.clone();
        apply(&mut whole, key);
        let mut moving = key;
        let (left, right) = pieces.split_at_mut(cut);
        apply(left, moving);
        advance(&mut moving, cut);
        apply(right, moving);
        assert_eq!(pieces, whole, "cut at {cut}");
    }
}
